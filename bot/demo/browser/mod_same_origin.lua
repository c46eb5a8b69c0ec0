-- Only our page may open the WebSocket: else any page that the same browser shows could, as guest.
module:set_global()  -- mod_websocket serves every host, so must we
local server = require "net.http.server"
local origin = module:get_option_string("same_origin")

module:hook_object_event(server, "GET /xmpp-websocket", function (event)
  if event.request.headers.origin ~= origin then
    return 403
  end
end, 10)
