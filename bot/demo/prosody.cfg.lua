-- Prosody for `labroom demo`: Debian's defaults, alone on loopback. $$words are filled in by prosody.py.
daemonize = false
run_as_root = $root  -- else prosody warns, and prosodyctl changes to a user who may not write here
prosody_user = "$user"
pidfile = "$folder/prosody.pid"
data_path = "$folder/data"
certificates = "$folder/certificates"
log = { info = "*console" }

interfaces = { "127.0.0.1" }
c2s_ports = { $port }
c2s_direct_tls_ports = {}
s2s_ports = {}
component_ports = {}
$page
https_ports = { $upload_port }
https_certificate = "$certificate"
https_key = "$key"
http_default_host = "upload.localhost"

admins = { "admin@localhost" }
allow_registration = true
authentication = "internal_hashed"  -- SCRAM
c2s_require_encryption = true
ssl = { certificate = "$certificate", key = "$key" }

modules_enabled = {
  "disco"; "roster"; "saslauth"; "tls"; "posix";
  "blocklist"; "bookmarks"; "carbons"; "pep"; "private"; "smacks"; "vcard4"; "vcard_legacy";
  "csi_simple"; "ping"; "register"; "time"; "uptime"; "version"; "admin_adhoc";
  $limits_module
  $page_modules
}
modules_disabled = { "s2s" }
$limits

VirtualHost "localhost"
Component "rooms.localhost" "muc"
Component "upload.localhost" "http_file_share"
  http_host = "localhost"
  http_external_url = "https://localhost:$upload_port/"
  modules_disabled = { "s2s" }
