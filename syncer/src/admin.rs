//! `/alfred-admin`: who gets which role. Only Slack admins may, and Slack is asked at every command whether one is.

use serde_json::json;
use shared::admin::{AdminJob, Typed};
use shared::ids::JobId;
use shared::job::{JOB_VERSION, Job, Task};
use shared::mapping::{Mapping, MappingKey, MappingKind, MappingState};
use shared::message::Message;
use shared::person::Person;
use shared::secret::Secret;
use tokio::time::Instant;

use crate::Syncer;
use crate::batch::Retry;
use crate::command::{self, Add, Admin, Mistake};
use crate::record::{What, shown};
use crate::resolve::Target;
use crate::workspace::{ASKING_TIME, Workspace};

/// How much of a message the list of mappings may take, in bytes. Slack refuses messages of about 11,000 characters.
const MAX_TABLE: usize = 6_000;

/// How much the reasons below it may take, in bytes.
const MAX_REASONS: usize = 1_500;

/// The most mappings of one tenant. Their members have to be readable within Slack's limits before grants end.
pub const MAX_MAPPINGS: usize = 1_000;

/// What to say to somebody who may not do something.
pub(crate) const NOT_INSTALLED: &str =
    "Alfredbot is not installed in this workspace any more. A workspace admin can install it again.";

impl Syncer {
    /// Does what an admin typed, and answers him.
    pub(crate) async fn administer(&self, job: &AdminJob, typed: &Typed) -> Result<(), Retry> {
        let message = match command::admin(&typed.text) {
            Err(mistake) => mistaken(&mistake),
            Ok(command) => match self.admins_workspace(job, typed).await? {
                Err(message) => message,
                Ok(workspace) => match command {
                    Admin::Add(add) => self.add(job, typed, &workspace, &add).await?,
                    Admin::Remove { kind, target } => {
                        self.remove(job, typed, &workspace, kind, &target).await?
                    }
                    Admin::List { part } => self.list(job, part.as_deref()).await?,
                },
            },
        };
        self.reply(job, typed, message).await;
        Ok(())
    }

    /// The workspace, if the one who typed administers it as Slack says now; else what to tell him.
    pub(crate) async fn admins_workspace(
        &self,
        job: &AdminJob,
        typed: &Typed,
    ) -> Result<Result<Workspace<'_>, Message>, Retry> {
        Ok(match self.who_typed(job, typed).await? {
            Ok((workspace, person)) if person.administers(&job.tenant) => Ok(workspace),
            Ok(_) => {
                tracing::warn!(job.id = %job.id, user.id = %typed.user, "not an admin");
                let mut message = Message::default();
                message.plain("Only admins and owners of this workspace may do that. Nothing was changed.");
                Err(message)
            }
            Err(message) => Err(message),
        })
    }

    /// The workspace and who typed in it, as Slack says now; else what to tell him.
    pub(crate) async fn who_typed(
        &self,
        job: &AdminJob,
        typed: &Typed,
    ) -> Result<Result<(Workspace<'_>, Person), Message>, Retry> {
        let mut message = Message::default();
        let Some(workspace) = self.workspace(&job.tenant).await? else {
            message.plain(NOT_INSTALLED);
            return Ok(Err(message));
        };
        match workspace.person(&typed.user, Instant::now() + ASKING_TIME).await {
            Ok(person) => Ok(Ok((workspace, person))),
            Err(error) => {
                tracing::warn!(job.id = %job.id, %error, "cannot tell who it is");
                message.plain(&format!(
                    "Slack did not say whether you may do that ({error}), so nothing was changed. Try again in a minute."
                ));
                Ok(Err(message))
            }
        }
    }

    async fn add(
        &self,
        job: &AdminJob,
        typed: &Typed,
        workspace: &Workspace<'_>,
        add: &Add,
    ) -> Result<Message, Retry> {
        let mut message = Message::default();
        let target = match workspace.resolve(add.kind, &add.target).await {
            Ok(target) => target,
            Err(reason) => {
                prose(&mut message, &format!("{reason} Nothing was changed."));
                return Ok(message);
            }
        };
        let phrase = format!("anyone-can-join-{}", target.name);
        if add.kind == MappingKind::Channel && add.confirm.as_deref() != Some(&phrase) {
            message
                .plain(&format!(
                    "#{} is public: everybody in this workspace can join it, and has the role {} in account {} then. If that is what you want, type\n",
                    target.name, add.role.name(), add.role.account(),
                ))
                .code(&format!("/alfred-admin {} --confirm {phrase}", without_confirm(&typed.text)))
                .plain("\nNothing was changed.");
            return Ok(message);
        }
        let item = MappingKey::new(add.kind, &target.id);
        let (mappings, _) = self.tables.mapped(&job.tenant).await?;
        let before = mappings.iter().find(|mapping| mapping.item == item).cloned();
        if before.is_none() && mappings.len() >= MAX_MAPPINGS {
            message.plain(&format!(
                "There are {MAX_MAPPINGS} mappings already, and more could not be read within Slack's limits. Remove one first. Nothing was changed."
            ));
            return Ok(message);
        }
        if let Some((word, other)) = unclear(add, mappings.iter().filter(|other| other.item != item)) {
            message.plain("With this, ").code(&format!("--as {word}")).plain(&format!(
                " could mean two roles: {} has it as its alias or as the name of another role. Nothing was changed.",
                name(other)
            ));
            return Ok(message);
        }
        let partition = |arn: &str| arn.split(':').nth(1).unwrap_or_default().to_owned();
        let (ours, theirs) = (partition(&self.worker_role_arn), partition(add.role.as_str()));
        if ours != theirs {
            message.plain(&format!(
                "Alfredbot runs in the partition {ours} of AWS, and no role of {theirs} can be assumed from there. Nothing was changed."
            ));
            return Ok(message);
        }
        let external_id = self.external_id(job, add.role.account()).await?;
        let mapping = new_mapping(job, typed, add, &target, item, before.as_ref(), self.read_from());
        let what = if before.is_some() { What::MappingChanged } else { What::MappingAdded };
        let (old, new) = (before.as_ref().map(shown), Some(shown(&mapping)));
        // Whoever sends the same again, to have the role tried, changes nothing.
        if old != new {
            self.record(job, (what, &mapping.item.0), Some(&typed.user), old, new).await?;
        }
        let mapping = self.tables.decide(&mapping).await?;
        self.queues.send_job(&probe(job, typed, &mapping)).await?;

        let done = if before.is_some() { "changed" } else { "added" };
        message
            .plain(&format!("{} is {done}: role ", name(&mapping)))
            .code(add.role.as_str())
            .plain(&format!(", account {}, priority {}", add.role.account(), add.priority));
        if let Some(alias) = &add.alias {
            message.plain(", ").code(&format!("--as {alias}"));
        }
        message
            .plain(".\nThe ExternalId of this account is ")
            .code(external_id.expose())
            .plain(". It never changes. Put this trust policy on the role:")
            .preformatted(&trust_policy(&self.worker_role_arn, &external_id))
            .plain("Whether the role demands it is being tried now; the mapping is active once it does. Send the same command again after you have changed the role.");
        if add.kind == MappingKind::Usergroup {
            // Slack shows this setting to no bot.
            message.plain(&format!(
                "\nWhoever may edit {} in Slack decides who has this role: see that your workspace's permissions leave user groups to admins.",
                name(&mapping)
            ));
        }
        Ok(message)
    }

    /// The ExternalId of an account: 128 random bits, made once.
    async fn external_id(&self, job: &AdminJob, account: &str) -> Result<Secret<String>, Retry> {
        let mut random = [0; 16];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Retry::Later("no random numbers".into()))?;
        let fresh = Secret::new(uuid::Builder::from_random_bytes(random).into_uuid().simple().to_string());
        Ok(self.tables.external_id(&job.tenant, account, fresh).await?)
    }

    async fn remove(
        &self,
        job: &AdminJob,
        typed: &Typed,
        workspace: &Workspace<'_>,
        kind: MappingKind,
        target: &str,
    ) -> Result<Message, Retry> {
        let mut message = Message::default();
        let (mappings, _) = self.tables.mapped(&job.tenant).await?;
        // By what is stored first: what is archived or renamed meanwhile can be removed all the same.
        let of_kind = |mapping: &&Mapping| mapping.kind == kind;
        let named = |mapping: &&Mapping| mapping.item.slack_id() == target || mapping.name == target;
        let mut item = mappings.iter().filter(of_kind).find(named).map(|mapping| mapping.item.clone());
        if item.is_none()
            && let Ok(found) = workspace.resolve(kind, target).await
        {
            item = Some(MappingKey::new(kind, &found.id));
        }
        let found = item.as_ref().and_then(|item| mappings.iter().find(|mapping| mapping.item == *item));
        let Some(removed) = found else {
            message
                .plain(&format!("There is no mapping of a {} ", kind.word()))
                .code(target)
                .plain(". ")
                .code("/alfred-admin list")
                .plain(" shows those that there are.");
            return Ok(message);
        };
        let before = Some(shown(removed));
        let what = (What::MappingRemoved, removed.item.0.as_str());
        self.record(job, what, Some(&typed.user), before, None).await?;
        self.tables.delete_mapping(&job.tenant, &removed.item).await?;
        message
            .plain(&format!("{} is removed: its members do not have the role ", name(removed)))
            .code(&removed.role_arn)
            .plain(" through it any more. What is under way is not stopped; every worker knows it within 5 seconds.");
        Ok(message)
    }

    async fn list(&self, job: &AdminJob, part: Option<&str>) -> Result<Message, Retry> {
        let mut message = Message::default();
        let (mut mappings, _) = self.tables.mapped(&job.tenant).await?;
        let all = mappings.len();
        let now = self.clock.seconds();
        if let Some(part) = part {
            let part = part.to_lowercase();
            mappings
                .retain(|mapping| row(mapping, now).iter().any(|cell| cell.to_lowercase().contains(&part)));
            if mappings.is_empty() {
                message
                    .plain(&format!("None of the {all} mappings has "))
                    .code(&part)
                    .plain(" in what is listed.");
                return Ok(message);
            }
        }
        if mappings.is_empty() {
            message.plain("Nothing is mapped yet. ").code("/alfred-admin help").plain(" shows how.");
            return Ok(message);
        }
        mappings.sort_by(|a, b| (a.priority, &a.item).cmp(&(b.priority, &b.item)));
        let (count, noun) = (mappings.len(), if mappings.len() == 1 { "mapping" } else { "mappings" });
        message.plain(&format!("{count} {noun}, the lowest priority number wins:"));
        let (rows, shown) = table(&mappings, now);
        message.preformatted(&rows);
        if shown < count {
            message
                .plain(&format!("These are the first {shown}. "))
                .code("/alfred-admin list <word>")
                .plain(" lists those with the word in their type, name, role, account or state.");
        }
        let mut left = MAX_REASONS;
        for mapping in &mappings[..shown] {
            let unread =
                mapping.unread.as_ref().map(|unread| format!("its members could not be read: {unread}"));
            for reason in mapping.reason.iter().chain(&unread) {
                let line = format!("\n{}: {reason}", name(mapping));
                left = left.saturating_sub(line.len());
                if left > 0 {
                    prose(&mut message, &line);
                }
            }
        }
        if left == 0 {
            message.plain("\n… and more reasons: list fewer to see them.");
        }
        Ok(message)
    }
}

/// What `--as` would say of this role and of another one, and the mapping of the other one. Role names and aliases are
/// told apart by more than their case.
fn unclear<'a>(add: &Add, mut others: impl Iterator<Item = &'a Mapping>) -> Option<(String, &'a Mapping)> {
    let words = [add.alias.as_deref(), Some(add.role.name())];
    others.find_map(|other| {
        let its_role = other.role_arn.parse::<shared::arn::RoleArn>().ok();
        let its_alias = other.alias.as_deref();
        let word = words.into_iter().flatten().find(|word| {
            let is = |its: &str| its.eq_ignore_ascii_case(word);
            let is_alias = add.alias.as_deref() == Some(*word);
            // Two roles of one name are told apart by their accounts, and one role may have several mappings.
            its_alias.is_some_and(is) && (is_alias || other.role_arn != add.role.as_str())
                || is_alias
                    && other.role_arn != add.role.as_str()
                    && its_role.as_ref().is_some_and(|role| is(role.name()))
        });
        word.map(|word| (word.to_owned(), other))
    })
}

/// The mapping that `add` makes. Pages that were read before it was made, at `read_from` (Unix milliseconds), say nothing
/// about it: its members may have left while it was not there.
fn new_mapping(
    job: &AdminJob,
    typed: &Typed,
    add: &Add,
    target: &Target,
    item: MappingKey,
    before: Option<&Mapping>,
    read_from: u64,
) -> Mapping {
    let same_role = before.filter(|before| before.role_arn == add.role.as_str());
    let active = same_role.is_some_and(|before| before.state == MappingState::Active);
    Mapping {
        tenant: job.tenant.clone(),
        item,
        kind: add.kind,
        name: target.name.clone(),
        role_arn: add.role.as_str().to_owned(),
        alias: add.alias.clone(),
        priority: add.priority,
        state: if active { MappingState::Active } else { MappingState::Pending },
        added_by: Some(typed.user.clone()),
        reason: None,
        confirmed_at: 0,
        people_known_at: None,
        read_as_of: read_from,
        version: 0,
        members: 0,
        unread: None,
    }
}

/// The worker's job that tries the role of `mapping`.
fn probe(job: &AdminJob, typed: &Typed, mapping: &Mapping) -> Job {
    Job {
        version: JOB_VERSION,
        id: JobId::from_cause(&job.tenant, &format!("probe {}", job.id)),
        tenant: job.tenant.clone(),
        enterprise: None,
        user: typed.user.clone(),
        channel: typed.channel.clone(),
        task: Task::Probe { item: mapping.item.clone(), role_arn: mapping.role_arn.clone() },
        typed_at: job.asked_at,
        response_url: typed.response_url.clone(),
    }
}

/// What the admin of the target account puts on the role.
fn trust_policy(worker_role_arn: &str, external_id: &Secret<String>) -> String {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": { "AWS": worker_role_arn },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "sts:ExternalId": external_id.expose() } },
            },
            {
                "Effect": "Allow",
                "Principal": { "AWS": worker_role_arn },
                "Action": ["sts:TagSession", "sts:SetSourceIdentity"],
            },
        ],
    });
    serde_json::to_string_pretty(&policy).unwrap_or_default()
}

/// A mapping as people know it: `#ops` or `@sre`.
pub(crate) fn name(mapping: &Mapping) -> String {
    match mapping.kind {
        MappingKind::Channel | MappingKind::Group => format!("#{}", mapping.name),
        MappingKind::Usergroup => format!("@{}", mapping.name),
    }
}

/// The cells of a mapping in the list.
fn row(mapping: &Mapping, now: u64) -> [String; 8] {
    let role = mapping.role_arn.parse::<shared::arn::RoleArn>();
    let (role, account) = match &role {
        Ok(role) => (role.name(), role.account()),
        Err(_) => (mapping.role_arn.as_str(), "?"),
    };
    let role = match &mapping.alias {
        Some(alias) => format!("{role} ({alias})"),
        None => role.to_owned(),
    };
    let state = match mapping.state {
        MappingState::Pending => "pending",
        MappingState::Active => "active",
        MappingState::Suspended => "suspended",
    };
    [
        mapping.kind.word().to_owned(),
        name(mapping),
        role,
        account.to_owned(),
        mapping.priority.to_string(),
        mapping.members.to_string(),
        ago(mapping.confirmed_at, now),
        state.to_owned(),
    ]
}

/// The first mappings that fit into a message as lines of equal columns, and how many those are.
fn table(mappings: &[Mapping], now: u64) -> (String, usize) {
    let mut rows = vec![
        ["type", "name", "role", "account", "priority", "members", "last sync", "state"].map(str::to_owned),
    ];
    rows.extend(mappings.iter().map(|mapping| row(mapping, now)));
    let mut widths = [0; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let lines = rows.iter().map(|row| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    });
    let mut table = String::new();
    let mut shown = 0;
    for line in lines {
        let end = if shown > 0 { "\n" } else { "" };
        if table.len() + end.len() + line.len() > MAX_TABLE {
            break;
        }
        table += end;
        table += &line;
        shown += 1;
    }
    (table, shown - 1)
}

/// How long ago `then` was.
pub(crate) fn ago(then: u64, now: u64) -> String {
    match now.saturating_sub(then) {
        _ if then == 0 => "never".to_owned(),
        seconds @ 0..60 => format!("{seconds} s ago"),
        seconds @ 60..7200 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3600),
    }
}

/// What was typed, without its `--confirm`.
fn without_confirm(typed: &str) -> String {
    let mut kept = Vec::new();
    let mut words = typed.split_whitespace();
    while let Some(word) = words.next() {
        if word == "--confirm" {
            words.next();
        } else if !word.starts_with("--confirm=") {
            kept.push(word);
        }
    }
    kept.join(" ")
}

pub(crate) fn mistaken(mistake: &Mistake) -> Message {
    let mut message = Message::default();
    prose(&mut message, &format!("{} Write ", mistake.said));
    message.code(mistake.usage).plain(". Nothing was changed.");
    message
}

/// Adds text in which code stands between backticks.
pub(crate) fn prose(message: &mut Message, text: &str) {
    for (index, piece) in text.split('`').enumerate() {
        match index % 2 {
            _ if piece.is_empty() => {}
            0 => drop(message.plain(piece)),
            _ => drop(message.code(piece)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_shows_as_many_mappings_as_fit() {
        let mapping = |number: usize| Mapping {
            tenant: "T1".parse().unwrap(),
            item: MappingKey(format!("channel#C{number}")),
            kind: MappingKind::Channel,
            name: "x".repeat(100),
            role_arn: "arn:aws:iam::111111111111:role/alfredbot/ReadOnly".into(),
            alias: None,
            priority: 1,
            state: MappingState::Active,
            added_by: None,
            reason: None,
            confirmed_at: 0,
            people_known_at: None,
            read_as_of: 0,
            version: 0,
            members: 0,
            unread: None,
        };
        let mappings: Vec<Mapping> = (0..100).map(mapping).collect();
        let (whole, fit) = table(&mappings, 0);
        let line = whole.lines().nth(1).unwrap().len() + "\n".len();
        assert!(whole.len() <= MAX_TABLE && whole.len() + line > MAX_TABLE, "{} bytes", whole.len());
        for (count, shown) in [(fit - 1, fit - 1), (fit, fit), (fit + 1, fit)] {
            assert_eq!(table(&mappings[..count], 0).1, shown);
        }
    }

    #[test]
    fn times_are_told_in_the_unit_that_people_use() {
        for (then, expected) in [
            (0, "never"),
            (100_000, "0 s ago"),
            (99_941, "59 s ago"),
            (99_940, "1 min ago"),
            (92_801, "119 min ago"),
            (92_800, "2 h ago"),
        ] {
            assert_eq!(ago(then, 100_000), expected);
        }
    }

    #[test]
    fn a_confirmation_is_asked_for_without_the_wrong_one() {
        for typed in ["add channel ops --confirm no arn 1", "add channel ops arn 1 --confirm=no"] {
            assert_eq!(without_confirm(typed), "add channel ops arn 1");
        }
    }

    #[test]
    fn the_trust_policy_names_the_worker_and_demands_the_external_id() {
        let policy = trust_policy("arn:aws:iam::1:role/w", &Secret::new("e\"x".into()));
        let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
        assert_eq!(policy["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"], "e\"x");
        assert_eq!(policy["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::1:role/w");
    }
}
