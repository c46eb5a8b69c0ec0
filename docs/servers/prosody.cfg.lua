-- Prosody 0.12 for a lab: /etc/prosody/prosody.cfg.lua on Debian 12.
-- Put your domain for lab.example, and your network for lab_network. ../servers.md says what each
-- setting buys, and how a certificate, the accounts and the kernel get ready.

local lab_network = { "127.0.0.1/32"; "::1/128"; "192.168.0.0/16"; "172.16.0.0/12"; "10.0.0.0/8"; "fd00::/8" }

admins = { "admin@lab.example" }
pidfile = "/run/prosody/prosody.pid"
data_path = "/var/lib/prosody"
log = { info = "/var/log/prosody/prosody.log"; error = "/var/log/prosody/prosody.err" }

-- TLS: STARTTLS on 5222, direct TLS on 5223, and nothing without
c2s_ports = { 5222 }
c2s_direct_tls_ports = { 5223 }
c2s_require_encryption = true
ssl = { certificate = "/etc/prosody/certs/lab.example.crt"; key = "/etc/prosody/certs/lab.example.key" }
authentication = "internal_hashed"  -- SCRAM

-- Web: uploads, XMPP over WebSocket (/xmpp-websocket), and a folder for a browser's client
http_ports = {}
https_ports = { 5443 }
https_certificate = "/etc/prosody/certs/lab.example.crt"
https_key = "/etc/prosody/certs/lab.example.key"
http_paths = { files = "/"; websocket = "/xmpp-websocket"; file_share = "/upload" }
http_files_dir = "/var/www/labroom"

-- A lab talks to nobody else
s2s_ports = {}
modules_disabled = { "s2s" }

modules_enabled = {
  "disco"; "roster"; "saslauth"; "tls"; "posix";
  "blocklist"; "bookmarks"; "carbons"; "csi_simple"; "pep"; "ping"; "private"; "smacks"; "time";
  "uptime"; "vcard4"; "vcard_legacy"; "version";
  "register"; "admin_adhoc"; "admin_shell"; "http_files"; "websocket";
  -- Not "limits": with it, Prosody 0.12 never again looks whether a connection is still alive.
  -- Not "mam": with it, what exceeds the offline quota vanishes silently, here it is bounced.
}

-- Registration in band: from the lab only, a rack at once
allow_registration = true
allowlist_registration_only = true
registration_allowlist = lab_network

-- Ghosts go, and words come, quickly
network_settings = {
  nagle = false;       -- an answer in the room: 4 ms instead of 44
  tcp_keepalive = 20;  -- s without a word until the kernel asks; then its sysctls count
  read_timeout = 20;   -- s without a word until we ask; without an answer to XEP-0198, once more
  send_timeout = 30;   -- s that a peer may refuse to take what we have for it
  tcp_backlog = 1024;  -- after a power cut a whole lab connects at once
}
network_default_read_size = 65536  -- bytes a turn
smacks_hibernation_time = 60       -- s that a phone may change networks, or a ghost remain
smacks_max_queue_size = 5000       -- stanzas: a restart of a large lab is that many presences
c2s_timeout = 30                   -- s to log in
c2s_stanza_size_limit = 262144     -- bytes; a chunk of output is at most a sixth of it

-- Messages for who is away, above all the bot; the next ones are bounced, and sent again later
storage_archive_item_limit = 20000

VirtualHost "lab.example"
  disco_items = { { "rooms.lab.example", "Rooms" }; { "upload.lab.example", "Uploads" } }

Component "rooms.lab.example" "muc"
  name = "Rooms"
  restrict_room_creation = "local"
  muc_room_locking = true            -- nobody else comes in until its maker has set it up
  muc_room_default_members_only = true
  muc_room_default_public = false
  muc_room_default_public_jids = true  -- who is who: the bot's permissions go by it
  muc_room_default_allow_member_invites = false
  muc_room_default_history_length = 50
  max_history_messages = 100
  muc_tombstones = false             -- a room that was destroyed may be made again

Component "upload.lab.example" "http_file_share"
  http_host = "lab.example"                     -- one name, one certificate
  http_file_share_access = { "lab.example" }
  http_file_share_size_limit = 100 * 1024^2     -- bytes
  http_file_share_daily_quota = 1024^3          -- bytes, each account
  http_file_share_global_quota = 20 * 1024^3    -- bytes
  http_file_share_expires_after = 28 * 24 * 3600  -- s
