//! `aws logs tail`: the events of a log group, line by line, and with `--follow` those that come while it runs.
//! `aws logs start-live-tail`: the events of log groups that come while it runs, as the service sends them.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

use super::client::{Client, map, member, text, texts};
use crate::command::{Custom, Paging, json, values};
use crate::format::{indented_ascii_json, iso_8601};
use crate::paginate::Pages;
use crate::run::{Failure, Printer};
use crate::send::{CallError, Calls};
use crate::value::{Map, Timestamp, Value};

/// How long `--follow` waits after the last page, as the official CLI does.
const PAUSE: Duration = Duration::from_secs(5);

/// Prints the events. With `--follow` it goes on until the session's time or calls are used up, where the official CLI
/// goes on until it is interrupted; both end well.
pub async fn tail(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let options = &custom.options;
    let client = Client::new("logs", printer.output.region.as_deref())?;
    let group = options.text("group_name").unwrap_or_default();
    let start = start(options.text("since").unwrap_or_default(), calls.session().now())?;
    let mut parameters = map([
        ("logGroupName", text(group)),
        ("interleaved", Value::Bool(true)),
        ("startTime", Value::Int(start)),
    ]);
    for (option, name) in [
        ("filter-pattern", "filterPattern"),
        ("log-stream-names", "logStreamNames"),
        ("log-stream-name-prefix", "logStreamNamePrefix"),
    ] {
        if options.has(option) {
            let value = match option {
                "log-stream-names" => texts(options.texts(option)),
                _ => text(options.text(option).unwrap_or_default()),
            };
            parameters.insert(name.to_owned(), value);
        }
    }
    let form = options.text("format").unwrap_or_default();
    let operation = client.operation("FilterLogEvents")?;
    client.check(operation, &parameters)?;
    if options.has("follow") {
        return follow(&client, parameters, form, calls, printer).await;
    }
    let mut pages = Pages::new(&client.service, operation, parameters, &Paging::default())?;
    loop {
        // An error of the next page comes after what the pages before it have given.
        let page = pages.next(calls, client.region.as_deref()).await?;
        let Some(page) = page else { break };
        if let Some(Value::List(events)) = page.get("events") {
            for event in events {
                printer.sink.push(&line(event, form)?);
            }
        }
        if printer.sink.is_cut() {
            break;
        }
    }
    printer.output.truncated = pages.truncated;
    Ok(0)
}

/// Prints the messages of a session as they are, until the service or the session's time ends it. As in the official CLI,
/// what goes wrong then stands in a last line, and the command has ended well.
pub async fn live_tail(
    custom: &Custom,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let options = &custom.options;
    if options.text("mode") == Some("interactive") {
        let no_terminal = "Color is not allowed by your output. Use print-only mode or enable color.";
        let message = format!("An error occurred (ParamValidation): {no_terminal}");
        return Err(CallError::Parameters(message).into());
    }
    let client = Client::new("logs", printer.output.region.as_deref())?;
    let mut parameters = map([("logGroupIdentifiers", texts(options.texts("log-group-identifiers")))]);
    for (option, name) in
        [("log-stream-names", "logStreamNames"), ("log-stream-name-prefixes", "logStreamNamePrefixes")]
    {
        if options.has(option) {
            parameters.insert(name.to_owned(), texts(options.texts(option)));
        }
    }
    if let Some(pattern) = options.text("log-event-filter-pattern") {
        parameters.insert("logEventFilterPattern".to_owned(), text(pattern));
    }
    let session = client.follow(calls, "StartLiveTail", parameters).await?;
    if let Value::List(events) = member(&session.value, "responseStream")? {
        for update in events.iter().filter_map(|event| event.get("sessionUpdate")) {
            let Some(Value::List(results)) = update.get("sessionResults") else { continue };
            for message in results.iter().filter_map(|result| result.get("message")?.as_str()) {
                printer.sink.push(&format!("{message}\n"));
            }
        }
    }
    match session.interruption {
        Some(CallError::Budget(reason)) => printer.output.truncated = Some(reason),
        Some(error) => printer.sink.push(&format!("{error}\n")),
        None => {}
    }
    Ok(0)
}

/// Reads pages for as long as the session allows. The last millisecond is read again each time, since more may come in it.
async fn follow(
    client: &Client,
    mut parameters: Map,
    form: &str,
    calls: &mut Calls<'_>,
    printer: &mut Printer,
) -> Result<i32, Failure> {
    let mut newest = None;
    let mut shown: HashSet<(i64, String)> = HashSet::new();
    loop {
        let page = match client.call(calls, "FilterLogEvents", parameters.clone()).await {
            Ok(page) => page,
            Err(CallError::Budget(reason)) if calls.tally().made > 0 => {
                printer.output.truncated = Some(reason);
                return Ok(0);
            }
            Err(error) => return Err(error.into()),
        };
        if let Value::List(events) = member(&page, "events")? {
            for event in events {
                let time = millis(event, "timestamp")?;
                let id = event.get("eventId").and_then(Value::as_str).unwrap_or_default();
                if shown.insert((time, id.to_owned())) {
                    newest = newest.max(Some(time));
                    printer.sink.push(&line(event, form)?);
                }
            }
        }
        if printer.sink.is_cut() {
            return Ok(0);
        }
        shown.retain(|(time, _)| Some(*time) == newest);
        if let Some(token) = page.get("nextToken") {
            parameters.insert("nextToken".to_owned(), token.clone());
            continue;
        }
        if let Some(newest) = newest {
            parameters.insert("startTime".to_owned(), Value::Int(newest));
        }
        parameters.shift_remove("nextToken");
        let budget = &calls.session().budget;
        if Instant::now() + PAUSE + budget.reserve >= budget.deadline {
            printer.output.truncated = Some("the time is up".to_owned());
            return Ok(0);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// When the events begin, in milliseconds since 1970: a number and a unit before now, or a point in time.
fn start(since: &str, now: SystemTime) -> Result<i64, Failure> {
    let relative = since.strip_suffix('\n').unwrap_or(since);
    let unit = match relative.chars().next_back() {
        Some('s') => Some(1),
        Some('m') => Some(60),
        Some('h') => Some(3600),
        Some('d') => Some(24 * 3600),
        Some('w') => Some(7 * 24 * 3600),
        _ => None,
    };
    let amount = relative.get(..relative.len().saturating_sub(1)).unwrap_or_default();
    let time = match unit {
        Some(unit) if !amount.is_empty() && amount.bytes().all(|b| b.is_ascii_digit()) => {
            let too_long = || Failure::general("date value out of range");
            let seconds = amount.parse::<i64>().ok().and_then(|amount| amount.checked_mul(unit));
            let span = time::Duration::seconds(seconds.ok_or_else(too_long)?);
            OffsetDateTime::from(now).checked_sub(span).ok_or_else(too_long)?
        }
        _ => match values::time(&text(since), now) {
            Some(Timestamp(time)) => time,
            None => {
                let reason =
                    if since.is_empty() { "String does not contain a date" } else { "Unknown string format" };
                let message = format!("Invalid timestamp \"{since}\": {reason}: {since}");
                return Err(Failure::general(message.trim_end()));
            }
        },
    };
    let micros = i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
    Ok(micros / 1000)
}

/// One event in its line.
fn line(event: &Value, form: &str) -> Result<String, Failure> {
    millis(event, "ingestionTime")?;
    let millis = millis(event, "timestamp")?;
    let out_of_range = || Failure::general(&format!("year is out of range: {millis}"));
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .map_err(|_| out_of_range())?;
    let time_text = |micros: bool| {
        let text = iso_8601(&Timestamp(time));
        match text.split_once('+') {
            Some((clock, zone)) if micros && !clock.contains('.') => format!("{clock}.000000+{zone}"),
            _ => text,
        }
    };
    let text_of = |name: &str| {
        let value = event.get(name).and_then(Value::as_str);
        value.ok_or_else(|| Failure::general(&format!("'{name}'")))
    };
    let line = match form {
        "short" => {
            let text = time_text(true);
            format!("{} {}", text.split('.').next().unwrap_or_default(), text_of("message")?)
        }
        "json" => {
            let message = text_of("message")?;
            let message = match json::parse(message) {
                Ok(value) => format!("\n{}", indented_ascii_json(&value)),
                Err(_) => message.to_owned(),
            };
            format!("{} {} {message}", time_text(false), text_of("logStreamName")?)
        }
        _ => format!("{} {} {}", time_text(true), text_of("logStreamName")?, text_of("message")?),
    };
    Ok(format!("{}\n", line.trim_end_matches(is_python_space)))
}

/// A time of an event, in milliseconds since 1970.
fn millis(event: &Value, name: &str) -> Result<i64, Failure> {
    match event.get(name) {
        Some(Value::Int(millis)) => Ok(*millis),
        _ => Err(Failure::general(&format!("'{name}'"))),
    }
}

/// What Python takes off the ends of a text.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts and times are those of the official CLI 2.38.5.
    #[test]
    fn events_begin_where_they_are_said_to() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_736_944_496);
        for (since, millis) in [
            ("10m", 1_736_943_896_000),
            ("3w", 1_735_130_096_000),
            ("10m\n", 1_736_943_896_000),
            ("2025-01-15T10:00:00.123456+02:00", 1_736_928_000_123),
            ("1736940000.5", 1_736_940_000_500),
        ] {
            assert_eq!(start(since, now).unwrap(), millis, "{since}");
        }
        for (since, error) in [
            ("5x", "Invalid timestamp \"5x\": Unknown string format: 5x"),
            ("", "Invalid timestamp \"\": String does not contain a date:"),
            ("99999999999999999999w", "date value out of range"),
        ] {
            assert_eq!(
                start(since, now).unwrap_err().stderr,
                format!("\naws: [ERROR]: {error}\n"),
                "{since}"
            );
        }
    }

    #[test]
    fn an_event_is_a_line_in_three_forms() {
        let event = |message: &str| {
            Value::Map(map([
                ("logStreamName", text("s")),
                ("timestamp", Value::Int(1_736_944_000_123)),
                ("message", text(message)),
                ("ingestionTime", Value::Int(0)),
            ]))
        };
        let cases = [
            ("short", " a \n", "2025-01-15T12:26:40  a\n"),
            ("detailed", "a", "2025-01-15T12:26:40.123000+00:00 s a\n"),
            ("json", "[1, \"é\"]", "2025-01-15T12:26:40.123000+00:00 s \n[\n    1,\n    \"\\u00e9\"\n]\n"),
            ("json", "[1", "2025-01-15T12:26:40.123000+00:00 s [1\n"),
        ];
        for (form, message, shown) in cases {
            assert_eq!(line(&event(message), form).unwrap(), shown, "{form} {message}");
        }
        assert_eq!(line(&Value::Null, "short").unwrap_err().stderr, "\naws: [ERROR]: 'ingestionTime'\n");
    }
}
