#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "http/wire/request_head.h"
#include "http/wire/trusted_proxies.h"
#include "util/ip_address.h"

namespace target_eye {

// What the header of a request from a trusted proxy tells of the client: X-Forwarded-For, or
// Forwarded (RFC 7239). Each proxy adds whom it was asked by at the end, so that only the end can
// be believed: both are read from there, over those that are trusted proxies themselves, up to the
// first that is none. What stands before that may be the client's own invention, and is not looked
// at.
//
// Where something else than an address is met on the way (`unknown`, `_hidden`, nonsense, nothing),
// the one behind it is the nearest that is known: no guess is made.
struct ForwardedFor {
  // Nothing if no more is known than who the peer is.
  std::optional<Endpoint> client = std::nullopt;
  // Both headers are there, and do not name the same client. One of them then is the client's own,
  // which the proxy has let through, and nobody knows which: neither is believed.
  bool contradicts_itself = false;
  // What the client spoke with the proxy that is nearest to us, `http` or `https`; empty where that
  // is not told. Not to be relied on: many proxies let a client's own X-Forwarded-Proto through.
  std::string_view scheme = {};
};
ForwardedFor FindForwardedFor(std::span<const RequestField> fields, const TrustedProxies& trusted);

// The last element of a list, such as the value of a Forwarded field, and what is before its comma.
struct LastElement {
  std::string_view element;
  std::optional<std::string_view> rest;  // Nothing if there was no comma.
};
// A comma in quotes separates nothing. Reads from the end, so that a quote which a client left open
// at the beginning does not swallow what a proxy has added. Nothing if a quote of the last
// element is open.
std::optional<LastElement> SplitLastElement(std::string_view list);

// The value of the parameter `name`, without its quotes, in an element of Forwarded. Nothing where
// it is not there, is there twice, or the element is malformed; or the value has a backslash,
// which no address or scheme has.
std::optional<std::string_view> FindParameter(std::string_view element, std::string_view name);

// An address as `for=` has it; its port is left out if it is hidden, `_x`.
std::optional<Endpoint> ParseNode(std::string_view node);

}  // namespace target_eye
