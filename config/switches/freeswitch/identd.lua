-- FreeSWITCH asks identd over HTTP (docs/switches/freeswitch.md): whose call is it, and may it go on?
--
--   identd.lua authorize         the dialplan asks; a refused caller gets identd's code, a granted call goes on
--   identd.lua start             the call was answered (execute_on_answer, set by authorize)
--   identd.lua release UUID      the call has ended, in whatever way (api_hangup_hook, set by authorize)
--   identd.lua                   startup script: all channels are listed now and then, so that nothing is forgotten
--
-- A call is named by the uuid of its first leg. NOT RUN IN A FREESWITCH by those who wrote it: only its own logic was
-- tried, in Lua 5.2 against an identd, with a stand-in for FreeSWITCH. Needs mod_lua and mod_curl.

local SERVERS = { "127.0.0.1:7880" } -- asked in this order: the next one where one cannot judge or is away
local GATEWAY = "fs1" -- the name of this FreeSWITCH's row in identd.gateways
local SECRET = "change me" -- what `identd gateway-secret` showed
local LIST_SECONDS = 300 -- far below the gateway's active_seconds: a list renews the leases of what is on it
local SECONDS = "connect-timeout 1 timeout 1" -- mod_curl knows whole seconds only
local CALLS_MAX = 1000 -- names in one message

local api = freeswitch.API()

-- everything but letters and digits as %XX: mod_curl's arguments end at blanks, and it decodes what it posts
local function encoded(text)
  return (text:gsub("[^%w]", function(char) return string.format("%%%02X", char:byte()) end))
end

-- what a caller may write ends here: no text of his gets out of its quotes
local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(char) return string.format("\\u%04x", char:byte()) end) .. '"'
end

-- {key = text, number, true or false} as a JSON object; an empty text is left out
local function object(fields)
  local parts = {}
  for key, value in pairs(fields) do
    if type(value) ~= "string" then
      parts[#parts + 1] = quoted(key) .. ":" .. tostring(value)
    elseif value ~= "" then
      parts[#parts + 1] = quoted(key) .. ":" .. quoted(value)
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- a number or a plain text of an answer. Answers are flat, and a quote inside a text stands behind a backslash, so no
-- text can be taken for a key
local function field(answer, key)
  return answer:match('"' .. key .. '":"([^"\\]*)"') or answer:match('"' .. key .. '":(%d+)')
end

-- the first server's answer that is one, or ""
local function ask(op, body)
  for _, server in ipairs(SERVERS) do
    local url = string.format("http://%s:%s@%s/v1/%s", encoded(GATEWAY), encoded(SECRET), server, op)
    local answer = api:execute("curl", string.format("%s %s post %s", url, SECONDS, encoded(body))) or ""
    if field(answer, "op") == "error" then
      freeswitch.consoleLog("err", string.format("identd %s: %s: %s\n", server, op, answer))
    end
    -- an error that is ours (a wrong token, a wrong key) is the same everywhere; `internal` is not
    if answer ~= "" and field(answer, "decision") ~= "unavailable" and field(answer, "code") ~= "internal" then
      return answer
    end
  end
  return ""
end

local function variable(name)
  return session:getVariable(name) or ""
end

local PHRASES = {
  ["402"] = "Payment Required",
  ["403"] = "Forbidden",
  ["484"] = "Address Incomplete",
  ["503"] = "Service Unavailable",
}

local function refuse(code)
  session:execute("respond", code .. " " .. (PHRASES[code] or "Call Refused"))
  session:hangup()
end

local function authorize()
  session:setAutoHangup(false)
  local uuid = session:get_uuid()
  local name = ""
  if variable("sip_authorized") == "true" and variable("sip_acl_authed_by") == "" then
    name = variable("sip_auth_username") -- FreeSWITCH has checked the password
  end
  local answer = ask("authorize", object({
    call_id = uuid,
    ip = variable("sip_network_ip"),
    port = tonumber(variable("sip_network_port")) or 0,
    protocol = variable("sip_via_protocol"),
    name = name,
    name_verified = name ~= "",
    ani = variable("caller_id_number"),
    dnis = variable("destination_number"),
  }))
  if field(answer, "decision") == "refuse" then
    session:setVariable("identd_reason", field(answer, "reason"))
    return refuse(field(answer, "sip_code"))
  elseif field(answer, "decision") ~= "grant" then
    return refuse("503") -- nobody could judge: the caller's switch may try another way
  end
  session:setVariable("api_hangup_hook", "lua identd.lua release " .. uuid)
  session:setVariable("execute_on_answer", "lua identd.lua start")
  -- a caller's own X- headers are variables, which FreeSWITCH copies to the far side: only identd says these three
  for _, header in ipairs({ "Account", "Rate-Table", "Routing-Plan" }) do
    session:execute("unset", "sip_h_X-Identd-" .. header)
  end
  for _, key in ipairs({ "account_id", "client_id", "rate_table_id", "routing_plan_id", "dnis" }) do
    session:setVariable("identd_" .. key, field(answer, key) or "")
  end
  session:execute("export", "nolocal:sip_h_X-Identd-Account=" .. field(answer, "account_id"))
  session:execute("export", "nolocal:sip_h_X-Identd-Rate-Table=" .. (field(answer, "rate_table_id") or ""))
end

local function start()
  session:setAutoHangup(false)
  ask("start", object({ call_id = session:get_uuid() }))
end

-- every channel by name: those that identd knows live, those that it knows and that are missing twice are over
local function list_calls()
  if ask("sync", '{"phase":"begin"}') == "" then
    return
  end
  local names = {}
  local function send()
    ask("sync", '{"phase":"chunk","calls":[' .. table.concat(names, ",") .. "]}")
    names = {}
  end
  for uuid in (api:execute("show", "channels as json") or ""):gmatch('"uuid":"([%x-]+)"') do
    names[#names + 1] = '["' .. uuid .. '"]'
    if #names == CALLS_MAX then
      send()
    end
  end
  send()
  ask("sync", '{"phase":"end"}')
end

local command, uuid = argv and argv[1], argv and argv[2]
if command == "authorize" then
  authorize()
elseif command == "start" then
  start()
elseif command == "release" then
  ask("release", object({ call_id = uuid }))
else
  list_calls()
  if command == nil then
    list_calls() -- twice at start: what the FreeSWITCH before this one had up is over
  end
  api:execute("sched_api", "+" .. LIST_SECONDS .. " identd luarun identd.lua list")
end
