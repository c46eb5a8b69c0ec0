// Converse.js for one room on loopback: who opens the page is in, and nothing leaves the machine.
const settings = JSON.parse(document.getElementById("settings").textContent);

window.converse.initialize({
  ...settings,

  // In at once, and again after each reload: there is nothing here to come back to.
  authentication: "login",
  auto_login: true,
  keepalive: false,
  reuse_scram_keys: false,
  persistent_store: "sessionStorage",
  enable_smacks: false, // a page that was closed would stay in the room as a ghost

  // Ask nobody but our server.
  assets_path: "/converse/",
  discover_connection_methods: false,
  i18n: "en",
  locales: [],
  fetch_url_headers: false,
  render_media: ["localhost"], // pictures that its files are; the policy names their port
  allowed_audio_domains: [],
  allowed_video_domains: [],
  play_sounds: false,
  show_desktop_notifications: false,
  blacklisted_plugins: ["converse-omemo", "converse-push", "converse-register"],

  // One room, and its text.
  view_mode: "embedded",
  allow_bookmarks: false,
  allow_logout: false,
  auto_focus: true,
  auto_register_muc_nickname: false,
  muc_fetch_members: false,
  muc_show_info_messages: [],
  send_chat_markers: [],
  send_chat_state_notifications: false,
  allow_message_corrections: "last",
  visible_toolbar_buttons: { call: false, clear: false, emoji: false, location: false, spoiler: false },
});
