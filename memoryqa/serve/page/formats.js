// What people call the formats that the server names; a name that is not here is shown as it is.

const TITLES = {
  chatgpt: "ChatGPT", claude: "Claude", gemini: "Gemini", "gemini-html": "Gemini (HTML)", sessions: "Sessions on the command line",
  telegram: "Telegram", "telegram-html": "Telegram (HTML)", discord: "Discord", "discord-html": "Discord (HTML)", "discord-package": "Discord's package",
  slack: "Slack", meta: "Messenger or Instagram", signal: "Signal", imessage: "iMessage", "imessage-text": "iMessage (text)",
  "google-chat": "Google Chat", teams: "Teams or Skype", mail: "E-mail", kakaotalk: "KakaoTalk", line: "LINE", whatsapp: "WhatsApp",
  subtitles: "Transcript", irc: "IRC", roles: "Messages with roles", datasets: "Data set of conversations", records: "Records", lines: "Text with names",
};
export const titleOf = (format) => TITLES[format] ?? format;

/** What the server says without what it says to programs, which is between backticks: "times are in UTC; `timezone` shows them in yours". */
export const plain = (words) => words.split("; ").filter((part) => !part.includes("`")).join("; ") || words;
