//! A person presses Enter: the text becomes what the app is told, and its acknowledgement becomes what the person
//! sees.

use serde_json::Value;

use super::block_kit;
use super::delivery::{Payload, Typed, Variant};
use super::message::{Origin, SLACKBOT};
use super::mrkdwn::{Auto, BROADCASTS};
use super::own_commands;
use super::state::{Draft, ResponseUrl, State, secret};
use super::world::{ChannelKind, Command, World};
use super::{Inner, block_list};

impl Inner {
    /// A person types a line into a channel and presses Enter.
    pub(crate) async fn typed(&self, user: &str, channel: &str, line: &str, variant: Variant) -> Typed {
        let (command, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let prepared = self.change(|state| {
            if let Err(word) = may_type(state, user, channel) {
                return Err(Some(word));
            }
            if !line.starts_with('/') {
                let text = as_entities(line, &state.world);
                let draft = draft(channel, user, text, Vec::new(), Origin::Typed);
                state.post(draft, self.clock.now_ms());
                return Err(None);
            }
            if let Some(done) = own_commands::run(state, user, channel, line, self.clock.now_ms()) {
                if let Err(word) = done {
                    let text = format!("`{command}` did nothing: {word}");
                    state.post(slackbot(channel, user, text), self.clock.now_ms());
                }
                return Err(done.err());
            }
            let app = &state.world.app;
            let known = app.commands.iter().find(|known| known.name == command && app.installation.is_some());
            let Some(known) = known.cloned() else {
                let text = format!("`{command}` is not a valid command.");
                state.post(slackbot(channel, user, text), self.clock.now_ms());
                return Err(Some("invalid_command"));
            };
            Ok(self.command(state, user, channel, &known, text))
        });
        let (payload, response_url) = match prepared {
            Ok(prepared) => prepared,
            Err(word) => return Typed::unsent(word),
        };
        let mut typed = self.tell(&payload, variant).await;
        typed.response_url = Some(response_url);
        self.change(|state| {
            if typed.error.is_none() {
                typed.error = self.acknowledge(state, user, channel, line, &typed).err().map(str::to_owned);
            }
            if let Some(word) = &typed.error {
                let text = format!("{command} failed with the error \"{word}\"");
                state.post(slackbot(channel, user, text), self.clock.now_ms());
            }
        });
        typed
    }

    /// What the app is told of a command, and where it may answer.
    fn command(
        &self,
        state: &mut State,
        user: &str,
        channel: &str,
        command: &Command,
        text: &str,
    ) -> (Payload, String) {
        let number = 1_000_000_000 + state.serial();
        let secret_part = secret();
        let team = state.world.team.clone();
        let response_url = format!("{}/commands/{}/{number}/{secret_part}", self.base_url(), team.id);
        let created_ms = self.clock.now_ms();
        state.response_urls.insert(
            secret_part,
            ResponseUrl {
                user: user.to_owned(),
                channel: channel.to_owned(),
                message: None,
                created_ms,
                uses: 0,
            },
        );
        let known = state.world.channel(channel);
        let channel_name = known.map(|known| known.name_for_apps().to_owned()).unwrap_or_default();
        let user_name = state.world.user(user).map(|user| user.name.clone()).unwrap_or_default();
        let text = if command.should_escape { as_entities(text, &state.world) } else { escape(text) };
        let trigger = state.trigger(user, None, created_ms);
        let app = &state.world.app;
        let mut fields = vec![
            ("token", app.verification_token.clone()),
            ("team_id", team.id),
            ("team_domain", team.domain),
        ];
        if let Some((id, name)) = team.enterprise {
            fields.extend([("enterprise_id", id), ("enterprise_name", name)]);
        }
        if state.world.unknown_fields {
            fields.push(("x_of_tomorrow", "{}".to_owned()));
        }
        fields.extend([
            ("channel_id", channel.to_owned()),
            ("channel_name", channel_name),
            ("user_id", user.to_owned()),
            ("user_name", user_name),
            ("command", command.name.clone()),
            ("text", text.trim_end().to_owned()),
            ("api_app_id", app.id.clone()),
            ("is_enterprise_install", "false".to_owned()),
            ("response_url", response_url.clone()),
            ("trigger_id", trigger),
        ]);
        (Payload::Command { path: command.path.clone(), fields }, response_url)
    }

    /// Shows a 200 answer to a command. Fails with Slack's word for an answer that it cannot show.
    fn acknowledge(
        &self,
        state: &mut State,
        user: &str,
        channel: &str,
        line: &str,
        typed: &Typed,
    ) -> Result<(), &'static str> {
        let now_ms = self.clock.now_ms();
        let bot = state.world.app.bot_user.clone();
        if typed.body.trim().is_empty() {
            return Ok(());
        }
        if !typed.content_type.starts_with("application/json") {
            let shown = draft(channel, &bot, typed.body.clone(), Vec::new(), Origin::Ack);
            state.post(Draft { only_for: Some(user.to_owned()), ..shown }, now_ms);
            return Ok(());
        }
        let answer: Value = serde_json::from_str(&typed.body).map_err(|_| "invalid_command_response")?;
        let answer = answer.as_object().ok_or("invalid_command_response")?;
        let text = answer.get("text").and_then(Value::as_str).unwrap_or_default();
        let blocks = block_list(answer.get("blocks")).map_err(|_| "invalid_blocks")?;
        block_kit::check(&Value::Array(blocks.clone())).map_err(|_| "invalid_blocks")?;
        if text.is_empty() && blocks.is_empty() {
            return Ok(());
        }
        let everyone = answer.get("response_type").and_then(Value::as_str) == Some("in_channel");
        if everyone {
            // The command itself becomes visible too, with every argument in it.
            state.post(draft(channel, user, escape(line), Vec::new(), Origin::Typed), now_ms);
        }
        let shown = draft(channel, &bot, text.to_owned(), blocks, Origin::Ack);
        state.post(Draft { only_for: (!everyone).then(|| user.to_owned()), ..shown }, now_ms);
        Ok(())
    }
}

fn draft(channel: &str, author: &str, text: String, blocks: Vec<Value>, origin: Origin) -> Draft {
    Draft {
        channel: channel.to_owned(),
        author: author.to_owned(),
        text,
        blocks,
        files: Vec::new(),
        only_for: None,
        thread_ts: None,
        auto: Auto::URLS,
        origin,
    }
}

fn slackbot(channel: &str, user: &str, text: String) -> Draft {
    let shown = draft(channel, SLACKBOT, text, Vec::new(), Origin::Slackbot);
    Draft { only_for: Some(user.to_owned()), ..shown }
}

fn may_type(state: &State, user: &str, channel: &str) -> Result<(), &'static str> {
    let user = state.world.user(user).ok_or("user_not_found")?;
    let channel = state.world.channel(channel).ok_or("channel_not_found")?;
    if user.deleted {
        Err("account_inactive")
    } else if !channel.has(&user.id) {
        Err("not_in_channel")
    } else if channel.archived {
        Err("is_archived")
    } else {
        Ok(())
    }
}

/// `should_escape: true`: mentions, channels, user groups, broadcasts, links and mail addresses become `<…>` entities,
/// everything else is escaped. Word boundaries and punctuation stay as typed.
pub(crate) fn as_entities(text: &str, world: &World) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let (before, rest) = word.split_at(word.find(|c: char| !"([{\"'".contains(c)).unwrap_or(word.len()));
        let core = rest.trim_end_matches([',', '.', ';', ':', '!', '?', ')', ']', '}', '"', '\'']);
        out.push_str(&escape(before));
        match entity(core, world) {
            Some(entity) => out.push_str(&entity),
            None => out.push_str(&escape(core)),
        }
        out.push_str(&escape(&rest[core.len()..]));
        out.push_str(&piece[word.len()..]);
    }
    out
}

fn entity(word: &str, world: &World) -> Option<String> {
    if let Some(name) = word.strip_prefix('@') {
        if BROADCASTS.contains(&name) {
            return Some(format!("<!{name}>"));
        }
        if let Some(user) = world.users.iter().find(|user| user.name == name) {
            return Some(format!("<@{}|{name}>", user.id));
        }
        let group = world.user_groups.iter().find(|group| group.handle == name && !group.disabled)?;
        return Some(format!("<!subteam^{}|@{name}>", group.id));
    }
    if let Some(name) = word.strip_prefix('#') {
        let channel = world.channels.iter().find(|channel| channel.name == name && !name.is_empty())?;
        // Slack leaves the label of a private channel empty.
        let label = if channel.kind == ChannelKind::Public { name } else { "" };
        return Some(format!("<#{}|{label}>", channel.id));
    }
    if word.starts_with("https://") || word.starts_with("http://") {
        return (word.len() > 8 && !word.contains(['<', '>', '|'])).then(|| format!("<{}>", escape(word)));
    }
    let dotted = |host: &str| {
        let (name, end) = host.rsplit_once('.').unwrap_or_default();
        let label =
            |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        LINKED_DOMAINS.contains(&end) && name.split('.').all(label)
    };
    if let Some((mailbox, host)) = word.split_once('@') {
        let plain =
            !mailbox.is_empty() && mailbox.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c));
        return (plain && dotted(host)).then(|| format!("<mailto:{word}|{word}>"));
    }
    dotted(word).then(|| format!("<http://{word}|{word}>"))
}

/// Endings at which Slack takes a bare word for a web address; the real list is that of all top-level domains.
const LINKED_DOMAINS: [&str; 8] = ["com", "net", "org", "io", "dev", "co", "de", "uk"];

/// The three characters that Slack escapes, in messages and in commands.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_names_and_links_become_entities() {
        let world = World::demo();
        for (typed, sent) in [
            ("s3 ls", "s3 ls"),
            ("a  b\tc ", "a  b\tc "),
            ("@anna and (@ben),", "<@U0ANNA|anna> and (<@U0BEN|ben>),"),
            ("@nobody #nowhere", "@nobody #nowhere"),
            ("#ops #prod-admins", "<#C0OPS|ops> <#G0PROD|>"),
            ("@sre @here", "<!subteam^S0SRE|@sre> <!here>"),
            ("https://a.example/?a=1&b=2", "<https://a.example/?a=1&amp;b=2>"),
            ("see amazonaws.com.", "see <http://amazonaws.com|amazonaws.com>."),
            ("ann@x.com s3://x.com/y a.b", "<mailto:ann@x.com|ann@x.com> s3://x.com/y a.b"),
            ("--query 'a[?b<`1`&&c>d]'", "--query 'a[?b&lt;`1`&amp;&amp;c&gt;d]'"),
            ("<@U0ANNA> &amp;", "&lt;@U0ANNA&gt; &amp;amp;"),
        ] {
            assert_eq!(as_entities(typed, &world), sent);
        }
    }
}
