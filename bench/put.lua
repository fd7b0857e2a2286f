-- PUTs over 500 groups, to target-eye or to etcd (argument "etcd") with the same values. Every value
-- differs from the one before it under its key, so that each is a real write.
local groups, variants = 500, 20
local requests, next_request = {}, 0

local function base64(text)
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = a * 65536 + (b or 0) * 256 + (c or 0)
    for shift = 18, 0, -6 do
      local digit = math.floor(n / 2 ^ shift) % 64
      out[#out + 1] = alphabet:sub(digit + 1, digit + 1)
    end
    if not c then out[#out] = "=" end
    if not b then out[#out - 1] = "=" end
  end
  return table.concat(out)
end

local thread_count = 0
function setup(thread)
  thread:set("first", thread_count * 7919)
  thread_count = thread_count + 1
end

function init(args)
  local etcd = args[1] == "etcd"
  for variant = 1, variants do
    for group = 1, groups do
      local value = string.format(
        '{"targets":["node-%d-a.example.net:%d","node-%d-b.example.net:%d"],"labels":{"team":"observability"}}',
        group, 9000 + variant, group, 9000 + variant)
      if etcd then
        local body = string.format('{"key":"%s","value":"%s"}', base64("/service-" .. group .. "/prod"), base64(value))
        requests[#requests + 1] = wrk.format("POST", "/v3/kv/put", { ["Content-Type"] = "application/json" }, body)
      else
        requests[#requests + 1] = wrk.format("PUT", "/service-" .. group .. "/prod",
          { ["Content-Type"] = "application/json" }, value)
      end
    end
  end
  next_request = first
end

function request()
  next_request = next_request + 1
  return requests[next_request % #requests + 1]
end

function done(summary)
  io.write(string.format('RESULT {"requests":%d,"seconds":%f,"errors":%d}\n', summary.requests,
    summary.duration / 1e6, summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
