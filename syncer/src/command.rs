//! The words of `/alfred-admin` and `/alfred-sync`.

use std::time::Duration;

use shared::arn::RoleArn;
use shared::mapping::MappingKind;

/// The largest priority number.
pub const MAX_PRIORITY: u32 = 1_000_000;

/// The longest alias, in characters.
pub const MAX_ALIAS: usize = 64;

/// The shortest and the longest time between two syncs.
pub const INTERVALS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 3600));

/// `/alfred-admin …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// `add <kind> <name> <role arn> <priority> [--alias <alias>] [--confirm <phrase>]`
    Add(Add),
    /// `remove <kind> <name>`
    Remove {
        /// What is mapped.
        kind: MappingKind,
        /// Its name, or its id if it was mentioned.
        target: String,
    },
    /// `list`
    List {
        /// Only those in whose line this stands.
        part: Option<String>,
    },
}

/// A mapping to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Add {
    /// What is mapped.
    pub kind: MappingKind,
    /// Its name, or its id if it was mentioned.
    pub target: String,
    /// The role that members get.
    pub role: RoleArn,
    /// The lowest number wins.
    pub priority: u32,
    /// A name for `--as`.
    pub alias: Option<String>,
    /// What was typed to confirm that everybody may join.
    pub confirm: Option<String>,
}

/// `/alfred-sync …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sync {
    /// `start`
    Start,
    /// `status`
    Status,
    /// `every 15m`
    Every(Duration),
    /// `every off`
    Off,
}

/// Why words are no command: what to say, and what to type instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub said: String,
    /// The form that is right.
    pub usage: &'static str,
}

const ADD: &str =
    "/alfred-admin add <channel|group|usergroup> <name or mention> <role arn> <priority> [--alias <name>]";
const REMOVE: &str = "/alfred-admin remove <channel|group|usergroup> <name or mention>";
const EVERY: &str = "/alfred-sync every <number of minutes or hours>, such as 5m or 1h, or off";

fn mistake<T>(said: impl Into<String>, usage: &'static str) -> Result<T, Mistake> {
    Err(Mistake { said: said.into(), usage })
}

/// Reads what follows `/alfred-admin`.
///
/// # Errors
/// What is wrong with it.
pub fn admin(text: &str) -> Result<Admin, Mistake> {
    let mut words = text.split_whitespace();
    let verb = words.next().unwrap_or_default().to_ascii_lowercase();
    match verb.as_str() {
        "add" => add(words).map(Admin::Add),
        "remove" => {
            let words: Vec<&str> = words.collect();
            let [kind, target] = words.as_slice() else {
                return mistake("`remove` takes what is mapped and its name.", REMOVE);
            };
            Ok(Admin::Remove { kind: self::kind(kind, REMOVE)?, target: name(target) })
        }
        "list" => match words.next() {
            part if words.next().is_none() => Ok(Admin::List { part: part.map(name) }),
            _ => mistake("`list` takes one word at most.", "/alfred-admin list <word>"),
        },
        _ => mistake(format!("There is no `{verb}`."), "/alfred-admin add, remove, list or help"),
    }
}

fn add<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Add, Mistake> {
    let (mut plain, mut alias, mut confirm) = (Vec::new(), None, None);
    while let Some(word) = words.next() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word, None),
        };
        let slot = match option {
            "--alias" => &mut alias,
            "--confirm" => &mut confirm,
            _ if option.starts_with("--") => return mistake(format!("There is no option `{option}`."), ADD),
            _ => {
                plain.push(word);
                continue;
            }
        };
        let value =
            value.or_else(|| words.next()).filter(|value| !value.is_empty() && !value.starts_with("--"));
        let Some(value) = value else { return mistake(format!("`{option}` needs a value."), ADD) };
        if slot.replace(value.to_owned()).is_some() {
            return mistake(format!("`{option}` is given twice."), ADD);
        }
    }
    let [kind, target, role, priority] = plain.as_slice() else {
        return mistake("`add` takes what to map, its name, the role's ARN and a priority.", ADD);
    };
    let kind = self::kind(kind, ADD)?;
    let role = match role.parse::<RoleArn>() {
        Ok(role) => role,
        Err(error) => return mistake(format!("`{role}` is {error}."), ADD),
    };
    let priority = match priority.parse::<u32>() {
        Ok(number) if (1..=MAX_PRIORITY).contains(&number) => number,
        _ => {
            return mistake(
                format!(
                    "`{priority}` is no priority: it is a number from 1 to {MAX_PRIORITY}, and the lowest wins."
                ),
                ADD,
            );
        }
    };
    if let Some(alias) = alias.as_deref().filter(|alias| !is_alias(alias)) {
        return mistake(
            format!(
                "`{alias}` is no alias: it has up to {MAX_ALIAS} letters, digits, `-` and `_`, and begins with a letter."
            ),
            ADD,
        );
    }
    Ok(Add { kind, target: name(target), role, priority, alias, confirm })
}

fn is_alias(text: &str) -> bool {
    text.len() <= MAX_ALIAS
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn kind(word: &str, usage: &'static str) -> Result<MappingKind, Mistake> {
    match word.to_ascii_lowercase().as_str() {
        "channel" => Ok(MappingKind::Channel),
        "group" => Ok(MappingKind::Group),
        "usergroup" => Ok(MappingKind::Usergroup),
        other => mistake(
            format!(
                "`{other}` is not what can be mapped: a channel is public, a group is a private channel, a usergroup is what is mentioned with @."
            ),
            usage,
        ),
    }
}

/// A name without the sign in front of it.
fn name(word: &str) -> String {
    word.trim_start_matches(['#', '@']).to_owned()
}

/// Reads what follows `/alfred-sync`.
///
/// # Errors
/// What is wrong with it.
pub fn sync(text: &str) -> Result<Sync, Mistake> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let verb = words.first().copied().unwrap_or_default().to_ascii_lowercase();
    match (verb.as_str(), &words[1.min(words.len())..]) {
        ("start", []) => Ok(Sync::Start),
        ("status", []) => Ok(Sync::Status),
        ("every", ["off"]) => Ok(Sync::Off),
        ("every", [time]) => interval(time),
        ("every", _) => mistake("`every` takes one time.", EVERY),
        ("start" | "status", _) => {
            mistake(format!("`{verb}` takes nothing more."), "/alfred-sync start, status")
        }
        _ => mistake(format!("There is no `{verb}`."), "/alfred-sync start, status or every"),
    }
}

fn interval(text: &str) -> Result<Sync, Mistake> {
    let seconds = |unit: char, seconds: u64| {
        text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok()?.checked_mul(seconds))
    };
    let time = seconds('m', 60).or_else(|| seconds('h', 3600)).map(Duration::from_secs);
    match time.filter(|time| (INTERVALS.0..=INTERVALS.1).contains(time)) {
        Some(time) => Ok(Sync::Every(time)),
        None => mistake(format!("`{text}` is no time from 1m to 24h."), EVERY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::111111111111:role/alfredbot/ReadOnly";

    fn add(text: &str) -> Result<Add, Mistake> {
        match admin(&format!("add {text}"))? {
            Admin::Add(add) => Ok(add),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mapping_is_named_by_mention_name_or_id() {
        for (typed, kind, target) in [
            ("channel #ops", MappingKind::Channel, "ops"),
            ("channel ops", MappingKind::Channel, "ops"),
            ("Group G0PROD", MappingKind::Group, "G0PROD"),
            ("usergroup @sre", MappingKind::Usergroup, "sre"),
        ] {
            let read = add(&format!("{typed} {ROLE} 10")).unwrap();
            assert_eq!((read.kind, read.target.as_str(), read.priority), (kind, target, 10), "{typed}");
            let removed = admin(&format!("remove {typed}"));
            assert_eq!(removed, Ok(Admin::Remove { kind, target: target.into() }));
        }
        assert_eq!(admin("list"), Ok(Admin::List { part: None }));
        assert_eq!(admin("list #ops"), Ok(Admin::List { part: Some("ops".into()) }));
    }

    #[test]
    fn options_stand_anywhere() {
        for typed in [
            format!("channel ops {ROLE} 10 --alias prod-admin --confirm yes"),
            format!("--alias=prod-admin channel ops --confirm=yes {ROLE} 10"),
        ] {
            let read = add(&typed).unwrap();
            assert_eq!((read.alias.as_deref(), read.confirm.as_deref()), (Some("prod-admin"), Some("yes")));
        }
    }

    #[test]
    fn mistakes_name_what_is_wrong_and_the_right_form() {
        let long = "a".repeat(MAX_ALIAS + 1);
        for (typed, said) in [
            ("dance".to_owned(), "There is no `dance`"),
            ("add".to_owned(), "`add` takes"),
            (format!("add channel ops {ROLE}"), "`add` takes"),
            (format!("add channel ops {ROLE} 10 20"), "`add` takes"),
            (format!("add room ops {ROLE} 10"), "`room` is not what can be mapped"),
            ("add channel ops ReadOnly 10".to_owned(), "`ReadOnly` is not a role's ARN"),
            (r#"add channel ops arn:aws:iam::1:role/a","Resource":"* 10"#.to_owned(), "is not a role's ARN"),
            (format!("add channel ops {ROLE} 0"), "`0` is no priority"),
            (format!("add channel ops {ROLE} {}", MAX_PRIORITY + 1), "is no priority"),
            (format!("add channel ops {ROLE} first"), "`first` is no priority"),
            (format!("add channel ops {ROLE} 1 --alias"), "`--alias` needs a value"),
            (format!("add channel ops {ROLE} 1 --alias 1a"), "`1a` is no alias"),
            (format!("add channel ops {ROLE} 1 --alias {long}"), "is no alias"),
            (format!("add channel ops {ROLE} 1 --alias a --alias b"), "`--alias` is given twice"),
            (format!("add channel ops {ROLE} 1 --force"), "There is no option `--force`"),
            ("remove channel".to_owned(), "`remove` takes"),
            ("list two words".to_owned(), "`list` takes one word at most"),
        ] {
            let mistake = admin(&typed).unwrap_err();
            assert!(mistake.said.contains(said), "{typed}: {}", mistake.said);
            assert!(mistake.usage.starts_with("/alfred-admin"));
        }
        for priority in [1, MAX_PRIORITY] {
            assert_eq!(add(&format!("channel ops {ROLE} {priority}")).unwrap().priority, priority);
        }
        add(&format!("channel ops {ROLE} 1 --alias {}", "a".repeat(MAX_ALIAS))).unwrap();
    }

    #[test]
    fn a_schedule_is_between_a_minute_and_a_day() {
        let every = |seconds| Ok(Sync::Every(Duration::from_secs(seconds)));
        for (typed, expected) in [
            ("start", Ok(Sync::Start)),
            ("Status", Ok(Sync::Status)),
            ("every off", Ok(Sync::Off)),
            ("every 1m", every(60)),
            ("every 15m", every(900)),
            ("every 24h", every(86_400)),
        ] {
            assert_eq!(sync(typed), expected, "{typed}");
        }
        for (typed, said) in [
            ("every 0m", "`0m` is no time"),
            ("every 25h", "`25h` is no time"),
            ("every 1441m", "`1441m` is no time"),
            ("every 90", "`90` is no time"),
            ("every", "`every` takes one time"),
            ("start now", "`start` takes nothing more"),
            ("stop", "There is no `stop`"),
            ("", "There is no ``"),
        ] {
            assert!(sync(typed).unwrap_err().said.contains(said), "{typed}");
        }
    }
}
