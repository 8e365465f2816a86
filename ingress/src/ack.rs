//! Everything that ingress says: HTTP answers to Slack, and in them the words that a person reads.
//!
//! A person's mistakes and our failures are both told in an answer of status 200. Of any other status Slack shows only
//! that the app failed.

use serde::Serialize;
use shared::admin::{AdminJob, AdminTask};
use shared::job::{MAX_START_DELAY, Task};
use shared::message::Message;

use crate::Queueable;
use crate::command::{MIN_JOB_PREFIX, Notice};
use crate::enqueue::NotQueued;
use crate::request::{Refusal, Unreadable};
use crate::text;

/// How much of a command is repeated, in characters. It is there to be recognised.
pub const MAX_PREVIEW: usize = 300;

/// An answer in the form that API Gateway expects of a function (payload format 2.0).
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers besides those that API Gateway adds.
    pub headers: Headers,
    /// The text of the body.
    pub body: String,
}

/// The headers that an answer may have.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<&'static str>,
}

/// Status 200 and nothing to show.
pub fn nothing() -> Response {
    empty(200)
}

/// The text that Slack wants back for the events URL.
pub fn challenge(challenge: &str) -> Response {
    let headers = Headers { content_type: Some("text/plain; charset=utf-8"), allow: None };
    Response { status_code: 200, headers, body: challenge.to_owned() }
}

/// An event that is not on the queue: Slack sends it again.
pub fn event_not_queued() -> Response {
    empty(503)
}

/// The answer to a request that goes no further.
pub fn refused(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::UnknownPath => empty(404),
        Refusal::WrongMethod => {
            Response { headers: Headers { content_type: None, allow: Some("POST") }, ..empty(405) }
        }
        Refusal::TooLarge => empty(413),
        // Without a body: whoever probes learns nothing from it.
        Refusal::Unverified(_) => empty(401),
        Refusal::Unreadable(reason) => unreadable(*reason),
    }
}

/// The job is on the queue.
pub fn queued(queued: &Queueable) -> Response {
    let mut message = Message::default();
    match queued {
        Queueable::Job(job) => match &job.task {
            Task::Invoke { text } => message.plain("Running ").code(&preview(text)),
            Task::WhoAmI => message.plain("Looking up who you are"),
            Task::Status { job } => message.plain("Looking up job ").code(job),
            Task::History => message.plain("Looking up your latest jobs"),
            // The syncer asks for these, nobody types them.
            Task::Probe { .. } => message.plain("Probing a role"),
        },
        Queueable::AdminJob(job) => match &job.task {
            AdminTask::Admin { typed } => message.code(&preview(&format!("/alfred-admin {}", typed.text))),
            AdminTask::Sync { typed } => message.code(&preview(&format!("/alfred-sync {}", typed.text))),
            _ => message.plain("Under way"),
        },
    };
    message.plain(" · job ").code(queued.id().short());
    ephemeral(&message)
}

/// The job is not known to be on the queue.
pub fn not_queued(queued: &Queueable, outcome: NotQueued) -> Response {
    let mut message = Message::default();
    let id = queued.id().short();
    match outcome {
        NotQueued::Certainly => message.plain(
            "The job queue does not take jobs at the moment. Nothing was run; please send the command again.",
        ),
        NotQueued::Perhaps => message
            .plain("The job queue did not confirm job ")
            .code(id)
            .plain(&format!(
                ". It may still run, once, within the next {} minutes. Look with ",
                MAX_START_DELAY / 60
            ))
            .code(&match queued {
                Queueable::Job(_) => format!("/alfred status {id}"),
                Queueable::AdminJob(AdminJob { task: AdminTask::Sync { .. }, .. }) => {
                    "/alfred-sync status".to_owned()
                }
                Queueable::AdminJob(_) => "/alfred-admin list".to_owned(),
            })
            .plain(" before you send the command again."),
    };
    ephemeral(&message)
}

/// What can be said without a job.
pub fn notice(notice: &Notice) -> Response {
    let mut message = Message::default();
    match notice {
        Notice::HelpInvoke => {
            message
                .plain(
                    "Run an AWS command under your own role and get the answer here, for your eyes only:\n",
                )
                .code("/alfred-invoke aws ec2 describe-instances --region eu-west-1")
                .plain("\nThe word ")
                .code("aws")
                .plain(" may be left out. Services, operations and options are those of the AWS CLI, ")
                .code("--query")
                .plain(" included. If you have several roles, the first one is used; ")
                .code("--as <role>")
                .plain(" picks another. ")
                .code("/alfred whoami")
                .plain(" shows yours.");
        }
        Notice::HelpAlfred => {
            message.plain("Alfredbot runs AWS commands for you, under the roles that your channels and groups give you.");
            list_commands(&mut message);
        }
        Notice::UnknownVerb(verb) => {
            message.plain("There is no ").code(&format!("/alfred {}", preview(verb))).plain(". There are:");
            list_commands(&mut message);
        }
        Notice::TooManyWords { verb } => {
            let usage = match *verb {
                "status" => "/alfred status <job>".to_owned(),
                verb => format!("/alfred {verb}"),
            };
            message.plain("Too many words: write just ").code(&usage).plain(".");
        }
        Notice::NoJobNamed => {
            message
                .plain("Name the job by its id, or by at least the first ")
                .plain(&format!("{MIN_JOB_PREFIX} characters of it, as in "))
                .code("/alfred status 1a2b3c4d")
                .plain(". ")
                .code("/alfred history")
                .plain(" lists your jobs.");
        }
        Notice::HelpAdmin => {
            message.plain("Slack admins map channels, private channels and user groups to AWS roles:");
            list(&mut message, &ADMIN_COMMANDS);
            message
                .plain("\n")
                .code("add")
                .plain(" answers with the trust policy to put on the role; send the same command again when it is there. Who belongs to several gets the role with the lowest priority number; ")
                .code("--alias <name>")
                .plain(" after ")
                .code("add")
                .plain(" names the role for ")
                .code("--as <name>")
                .plain(". A private channel has to have the bot in it first: ")
                .code("/invite @alfredbot")
                .plain(".");
        }
        Notice::HelpSync => {
            message.plain("Reads who is in the mapped channels and user groups:");
            list(&mut message, &SYNC_COMMANDS);
        }
        Notice::UnknownCommand(command) => {
            message
                .plain("Slack sends ")
                .code(&preview(command))
                .plain(" to Alfredbot, which does not know it. ")
                .code("/alfred help")
                .plain(" lists what it knows.");
        }
    }
    ephemeral(&message)
}

const ADMIN_COMMANDS: [(&str, &str); 3] = [
    (
        "/alfred-admin add <channel|group|usergroup> <name or mention> <role arn> <priority>",
        "maps a public channel, a private channel or a user group to a role, or changes its mapping",
    ),
    ("/alfred-admin remove <channel|group|usergroup> <name or mention>", "ends a mapping"),
    ("/alfred-admin list", "lists the mappings; with a word behind it, those that have it in their line"),
];

const SYNC_COMMANDS: [(&str, &str); 3] = [
    ("/alfred-sync start", "reads all members now"),
    ("/alfred-sync status", "shows how the last sync went and when the next one is"),
    ("/alfred-sync every 5m", "sets how often it is done by itself, or off (Slack admins)"),
];

fn list_commands(message: &mut Message) {
    list(
        message,
        &[
            ("/alfred-invoke <aws command>", "runs a command"),
            ("/alfred whoami", "shows who you are in AWS and which roles you have"),
            ("/alfred status <job>", "shows how a job of yours stands"),
            ("/alfred history", "lists your latest jobs"),
            ("/alfred help", "shows this"),
            ("/alfred-sync start", "reads who is in the mapped channels and user groups"),
            ("/alfred-admin help", "shows how Slack admins map roles"),
        ],
    );
}

fn list(message: &mut Message, commands: &[(&str, &str)]) {
    for (command, meaning) in commands {
        message.plain("\n• ").code(command).plain(&format!(" {meaning}"));
    }
}

fn unreadable(reason: Unreadable) -> Response {
    let mut message = Message::default();
    match reason {
        Unreadable::Text(text::Unusable::Control(character)) => message
            .plain(&format!("The command contains the control character U+{:04X}", u32::from(character)))
            .plain(", which is often pasted along unseen. Take it out and send the command again."),
        Unreadable::Text(text::Unusable::Undecodable) => message
            .plain("A part of the command did not arrive as text (U+FFFD). Type it anew and send it again."),
        Unreadable::Text(text::Unusable::TooLong) => message.plain(&format!(
            "The command is longer than {} KiB. Send it in smaller parts.",
            text::MAX_TEXT / 1024
        )),
        Unreadable::MissingField(field) | Unreadable::RepeatedField(field) | Unreadable::InvalidId(field) => {
            message
                .plain("Slack sent this command with a field that cannot be used: ")
                .code(field)
                .plain(". Please report it to whoever operates Alfredbot.")
        }
    };
    message.plain(" Nothing was run.");
    ephemeral(&message)
}

fn empty(status_code: u16) -> Response {
    Response { status_code, headers: Headers::default(), body: String::new() }
}

/// The beginning of `text` on one line. Characters that would change how the rest is shown appear as their code.
fn preview(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == MAX_PREVIEW {
            shown.push('…');
            break;
        }
        match character {
            '\n' | '\t' => shown.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                shown.push_str(&format!("<U+{:04X}>", u32::from(character)));
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// An answer that only the caller sees.
fn ephemeral(message: &Message) -> Response {
    let headers = Headers { content_type: Some("application/json; charset=utf-8"), allow: None };
    // Strings and lists always have a JSON form; an answer without words would still be a valid one.
    let body = serde_json::to_string(&message.ephemeral()).unwrap_or_default();
    Response { status_code: 200, headers, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use shared::admin::{ADMIN_JOB_VERSION, Typed};
    use shared::ids::JobId;
    use shared::job::{JOB_VERSION, Job};
    use shared::secret::Secret;

    fn job(task: Task) -> Job {
        Job {
            version: JOB_VERSION,
            id: JobId::from_signature("v0=aa"),
            tenant: "T0ALFRED1".parse().unwrap(),
            enterprise: None,
            user: "U0ANNA".parse().unwrap(),
            channel: "C0OPS".parse().unwrap(),
            task,
            typed_at: 1_760_000_000,
            response_url: Some(Secret::new("https://hooks.slack.com/commands/secret".into())),
        }
    }

    /// What a person reads: the pieces of rich text, with code in brackets.
    fn seen(response: &Response) -> String {
        assert_eq!(response.status_code, 200);
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(body["response_type"], "ephemeral");
        let pieces = body["blocks"][0]["elements"][0]["elements"].as_array().unwrap();
        let piece = |piece: &Value| {
            let text = piece["text"].as_str().unwrap();
            if piece["style"]["code"] == true { format!("[{text}]") } else { text.to_owned() }
        };
        pieces.iter().map(piece).collect()
    }

    fn fallback(response: &Response) -> String {
        serde_json::from_str::<Value>(&response.body).unwrap()["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_queued_job_is_named_with_what_will_run() {
        let short = JobId::from_signature("v0=aa").short().to_owned();
        let table = [
            (Task::Invoke { text: "aws s3 ls".into() }, "Running [aws s3 ls]"),
            (Task::WhoAmI, "Looking up who you are"),
            (Task::Status { job: "1a2b".into() }, "Looking up job [1a2b]"),
            (Task::History, "Looking up your latest jobs"),
        ];
        for (task, words) in table {
            let response = queued(&Queueable::Job(job(task)));
            assert_eq!(seen(&response), format!("{words} · job [{short}]"));
            assert!(!response.body.contains("hooks.slack.com"));
        }
    }

    #[test]
    fn nothing_that_was_typed_comes_alive() {
        let text = "s3 ls '<!channel> <https://evil.example|x>' `*b*` \u{202e}txt\nnext";
        let response = queued(&Queueable::Job(job(Task::Invoke { text: text.into() })));
        let shown = "s3 ls '<!channel> <https://evil.example|x>' `*b*` <U+202E>txt next";
        assert!(seen(&response).starts_with(&format!("Running [{shown}]")), "{}", seen(&response));
        let fallback = fallback(&response);
        assert!(!fallback.contains(['<', '>']), "{fallback}");
        assert_eq!(fallback.matches('`').count(), 4, "{fallback}");
    }

    #[test]
    fn a_long_command_is_repeated_in_part() {
        for (length, shown) in [
            (MAX_PREVIEW - 1, "é".repeat(MAX_PREVIEW - 1)),
            (MAX_PREVIEW, "é".repeat(MAX_PREVIEW)),
            (MAX_PREVIEW + 1, "é".repeat(MAX_PREVIEW) + "…"),
        ] {
            let response = queued(&Queueable::Job(job(Task::Invoke { text: "é".repeat(length) })));
            assert!(seen(&response).starts_with(&format!("Running [{shown}] ")), "{length}");
        }
    }

    #[test]
    fn a_job_that_was_not_queued_is_told_as_it_stands() {
        let job = Queueable::Job(job(Task::WhoAmI));
        let short = job.id().short();
        assert_eq!(
            seen(&not_queued(&job, NotQueued::Certainly)),
            "The job queue does not take jobs at the moment. Nothing was run; please send the command again."
        );
        assert_eq!(
            seen(&not_queued(&job, NotQueued::Perhaps)),
            format!(
                "The job queue did not confirm job [{short}]. It may still run, once, within the next 15 minutes. \
                 Look with [/alfred status {short}] before you send the command again."
            )
        );
        // Where one may look oneself.
        let typed = || Typed {
            text: "x".into(),
            user: "U1".parse().unwrap(),
            channel: "C1".parse().unwrap(),
            response_url: None,
        };
        for (task, look) in [
            (AdminTask::Sync { typed: typed() }, "Look with [/alfred-sync status] before"),
            (AdminTask::Admin { typed: typed() }, "Look with [/alfred-admin list] before"),
        ] {
            let job = Queueable::AdminJob(AdminJob {
                version: ADMIN_JOB_VERSION,
                id: JobId::from_signature("v0=aa"),
                tenant: "T1".parse().unwrap(),
                task,
                asked_at: 0,
            });
            let seen = seen(&not_queued(&job, NotQueued::Perhaps));
            assert!(seen.contains(look), "{seen}");
        }
    }

    #[test]
    fn notices_name_what_was_typed_and_what_to_try() {
        let table = [
            (Notice::HelpInvoke, "/alfred-invoke aws ec2"),
            (Notice::HelpAlfred, "\n• [/alfred history] lists your latest jobs"),
            (
                Notice::UnknownVerb("dance".into()),
                "There is no [/alfred dance]. There are:\n• [/alfred-invoke",
            ),
            (Notice::TooManyWords { verb: "whoami" }, "write just [/alfred whoami]."),
            (Notice::TooManyWords { verb: "status" }, "write just [/alfred status <job>]."),
            (Notice::NoJobNamed, "the first 4 characters"),
            (
                Notice::HelpAdmin,
                "[/alfred-admin add <channel|group|usergroup> <name or mention> <role arn> <priority>]",
            ),
            (Notice::HelpSync, "[/alfred-sync every 5m]"),
            (Notice::UnknownCommand("/x".into()), "Slack sends [/x] to Alfredbot"),
        ];
        for (asked, words) in table {
            let seen = seen(&notice(&asked));
            assert!(seen.contains(words), "{seen}");
        }
    }

    #[test]
    fn refused_requests_get_a_status_and_people_get_words() {
        for (refusal, status) in [
            (Refusal::UnknownPath, 404),
            (Refusal::WrongMethod, 405),
            (Refusal::TooLarge, 413),
            (Refusal::Unverified(crate::request::Unverified::WrongSignature), 401),
        ] {
            let response = refused(&refusal);
            assert_eq!((response.status_code, response.body.as_str()), (status, ""));
        }
        for (reason, words) in [
            (Unreadable::Text(text::Unusable::Control('\0')), "control character U+0000"),
            (Unreadable::Text(text::Unusable::Undecodable), "U+FFFD"),
            (Unreadable::Text(text::Unusable::TooLong), "longer than 64 KiB"),
            (Unreadable::InvalidId("user_id"), "cannot be used: [user_id]"),
        ] {
            let seen = seen(&refused(&Refusal::Unreadable(reason)));
            assert!(seen.contains(words) && seen.ends_with("Nothing was run."), "{seen}");
        }
    }

    #[test]
    fn answers_have_the_form_that_api_gateway_takes() {
        let text = |response: &Response| serde_json::to_value(response).unwrap();
        assert_eq!(
            text(&challenge("a/b")),
            json!({"statusCode": 200, "headers": {"content-type": "text/plain; charset=utf-8"}, "body": "a/b"})
        );
        assert_eq!(
            text(&refused(&Refusal::WrongMethod)),
            json!({"statusCode": 405, "headers": {"allow": "POST"}, "body": ""})
        );
        assert_eq!(text(&nothing()), json!({"statusCode": 200, "headers": {}, "body": ""}));
    }
}
