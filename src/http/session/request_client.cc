#include "http/session/request_client.h"

#include "http/wire/forwarded.h"
#include "telemetry/log.h"

namespace target_eye {

void RequestClient::Find(ServerContext& context, const RequestHead& head, SteadyTime now) {
  Clear();
  if (!peer_->trusted) return;
  const ForwardedFor found = FindForwardedFor(head.fields, context.trusted_proxies);
  scheme_ = found.scheme;
  if (found.client) told_.emplace(found.client->Text());
  if (found.contradicts_itself && context.contradictions.Take(now)) {
    Log(LogLevel::kWarning,
        "a proxy sent X-Forwarded-For and Forwarded that name different clients; its own address "
        "is taken: have it remove the one that it does not write itself (docs/proxies.md)",
        {{"peer", peer_->client.text}});
  }
}

void RequestClient::Clear() {
  told_.reset();
  scheme_ = {};
}

}  // namespace target_eye
