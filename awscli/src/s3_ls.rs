//! `aws s3 ls`: buckets, or the objects and prefixes below `s3://bucket/prefix`, one a line. The official CLI ignores
//! `--output` and `--query` here, and so do we.

use crate::format::{Sink, as_shown};
use crate::value::{Map, Timestamp, Value};

/// The exit status when a prefix was asked for and nothing is there.
pub const NOTHING_FOUND: i32 = 1;

/// Width of the column with the size of an object.
const SIZE_WIDTH: usize = 10;
/// Width of everything before a prefix's name, `PRE` included.
const PREFIX_WIDTH: usize = 30;

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListCommand {
    /// A bucket's name or an access point's ARN. Empty to list the buckets.
    pub bucket: String,
    /// The prefix of the keys.
    pub key: String,
    /// `--recursive`: all keys, not only up to the next slash.
    pub recursive: bool,
    /// `--page-size`: how many keys or buckets a request asks for.
    pub page_size: Option<i64>,
    /// `--human-readable`.
    pub human_readable: bool,
    /// `--summarize`.
    pub summarize: bool,
    /// `--request-payer`.
    pub request_payer: bool,
    /// `--bucket-name-prefix`.
    pub bucket_name_prefix: Option<String>,
    /// `--bucket-region`.
    pub bucket_region: Option<String>,
}

impl ListCommand {
    /// Reads the words after `aws s3 ls`, without global options. The error is the one of the official CLI.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let mut command = Self::default();
        let mut path = None;
        let mut unknown: Vec<&str> = Vec::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            if !word.starts_with("--") {
                match path {
                    None => path = Some(word.as_str()),
                    Some(_) => unknown.push(word),
                }
                continue;
            }
            let (name, given) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let name = full_name(name)?;
            let mut value = || {
                given
                    .clone()
                    .or_else(|| words.next_if(|next| !next.starts_with("--")).cloned())
                    .ok_or_else(|| format!("argument {name}: expected one argument"))
            };
            match name {
                "--recursive" => command.recursive = true,
                "--human-readable" => command.human_readable = true,
                "--summarize" => command.summarize = true,
                "--page-size" => {
                    let value = value()?;
                    let number = value.trim().replace('_', "").parse();
                    command.page_size = Some(
                        number.map_err(|_| format!("argument --page-size: invalid int value: '{value}'"))?,
                    );
                }
                "--request-payer" => {
                    let payer = given.or_else(|| words.next_if(|next| next.as_str() == "requester").cloned());
                    if let Some(other) = payer.filter(|payer| payer != "requester") {
                        return Err(format!("argument --request-payer: Found invalid choice '{other}'\n"));
                    }
                    command.request_payer = true;
                }
                "--bucket-name-prefix" => command.bucket_name_prefix = Some(value()?),
                "--bucket-region" => command.bucket_region = Some(value()?),
                _ => unknown.push(word),
            }
        }
        if !unknown.is_empty() {
            return Err(format!("Unknown options: {}", unknown.join(", ")));
        }
        let path = path.unwrap_or_default();
        let path = path.strip_prefix("s3://").unwrap_or(path);
        (command.bucket, command.key) = bucket_and_key(path)?;
        Ok(command)
    }

    /// The operation that is called, page by page.
    pub fn operation(&self) -> &'static str {
        if self.bucket.is_empty() { "ListBuckets" } else { "ListObjectsV2" }
    }

    /// The parameters of the page that `token` names, or of the first one.
    pub fn page(&self, token: Option<String>) -> Map {
        let text = |value: &str| Value::Str(value.to_owned());
        let mut parameters = Map::new();
        let size = self.page_size.map(Value::Int);
        if self.bucket.is_empty() {
            let optional = [("Prefix", &self.bucket_name_prefix), ("BucketRegion", &self.bucket_region)];
            for (name, value) in optional {
                if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                    parameters.insert(name.to_owned(), text(value));
                }
            }
            parameters.extend(size.map(|size| ("MaxBuckets".to_owned(), size)));
        } else {
            parameters.insert("Bucket".to_owned(), text(&self.bucket));
            parameters.insert("Prefix".to_owned(), text(&self.key));
            if !self.recursive {
                parameters.insert("Delimiter".to_owned(), text("/"));
            }
            if self.request_payer {
                parameters.insert("RequestPayer".to_owned(), text("requester"));
            }
            parameters.extend(size.map(|size| ("MaxKeys".to_owned(), size)));
        }
        parameters.extend(token.map(|token| ("ContinuationToken".to_owned(), Value::Str(token))));
        parameters
    }

    /// The token of the page after `result`, if there is one.
    pub fn next_page(&self, result: &Map) -> Option<String> {
        let token = if self.bucket.is_empty() { "ContinuationToken" } else { "NextContinuationToken" };
        result.get(token).and_then(Value::as_str).filter(|token| !token.is_empty()).map(str::to_owned)
    }
}

/// The option that `name` is or begins, unambiguously.
fn full_name(name: &str) -> Result<&str, String> {
    const NAMES: [&str; 7] = [
        "--recursive",
        "--page-size",
        "--human-readable",
        "--summarize",
        "--request-payer",
        "--bucket-name-prefix",
        "--bucket-region",
    ];
    let begun: Vec<&str> = NAMES.into_iter().filter(|known| known.starts_with(name)).collect();
    match begun.as_slice() {
        _ if NAMES.contains(&name) => Ok(name),
        [only] => Ok(only),
        [] => Ok(name),
        several => Err(format!("ambiguous option: {name} could match {}", several.join(", "))),
    }
}

/// Splits `bucket/key`. An access point's ARN has slashes of its own.
fn bucket_and_key(path: &str) -> Result<(String, String), String> {
    let arn: Vec<&str> = path.splitn(6, ':').collect();
    if let ["arn", _, service, _, _, resource] = arn.as_slice() {
        // The kind and name of a resource: `accesspoint/name`, or `outpost/id/accesspoint/name`.
        let parts = match (*service, resource.split([':', '/']).collect::<Vec<_>>().as_slice()) {
            ("s3", ["accesspoint", _, ..]) => 2,
            ("s3-outposts", ["outpost", _, "accesspoint", _, ..]) => 4,
            ("s3-object-lambda", _) => {
                return Err(
                    "s3 commands do not support S3 Object Lambda resources. Use s3api commands instead."
                        .into(),
                );
            }
            ("s3-outposts", ["outpost", _, "bucket", _, ..]) => {
                return Err(
                    "s3 commands do not support Outpost Bucket ARNs. Use s3control commands instead.".into(),
                );
            }
            _ => 0,
        };
        if parts > 0 {
            let ends = resource.match_indices([':', '/']).map(|(at, _)| at).nth(parts - 1);
            let end = path.len() - resource.len() + ends.unwrap_or(resource.len());
            let key = path[end..].strip_prefix([':', '/']).unwrap_or_default();
            return Ok((path[..end].to_owned(), key.to_owned()));
        }
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    Ok((bucket.to_owned(), key.to_owned()))
}

/// Writes the pages of one command and counts what it has written.
#[derive(Debug, Default)]
pub struct Listing {
    nothing_in_a_page: bool,
    something_shown: bool,
    objects: u64,
    bytes: i128,
}

impl Listing {
    /// Writes one page.
    pub fn page(&mut self, command: &ListCommand, result: &Map, sink: &mut Sink) {
        let list = |name: &str| match result.get(name) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        if command.bucket.is_empty() {
            for bucket in list("Buckets") {
                sink.push(&format!("{} {}\n", time(bucket.get("CreationDate")), text(bucket.get("Name"))));
            }
            return;
        }
        let (prefixes, objects) = (list("CommonPrefixes"), list("Contents"));
        if prefixes.is_empty() && objects.is_empty() {
            self.nothing_in_a_page = true;
            return;
        }
        for prefix in prefixes {
            let prefix = text(prefix.get("Prefix"));
            let name = prefix.rsplit('/').nth(1).unwrap_or_default();
            sink.push(&format!("{:>PREFIX_WIDTH$} {name}/\n", "PRE"));
        }
        for object in objects {
            let size = match object.get("Size") {
                Some(Value::Int(size)) => *size,
                _ => 0,
            };
            self.bytes += i128::from(size);
            self.objects += 1;
            let key = text(object.get("Key"));
            let name = if command.recursive { &key } else { key.rsplit('/').next().unwrap_or(&key) };
            let size = size_text(i128::from(size), command.human_readable);
            sink.push(&format!("{} {size:>SIZE_WIDTH$} {name}\n", time(object.get("LastModified"))));
        }
        self.something_shown = true;
    }

    /// Writes the summary, if asked for, and gives the exit status.
    pub fn end(&self, command: &ListCommand, sink: &mut Sink) -> i32 {
        if command.summarize {
            let size = size_text(self.bytes, command.human_readable);
            sink.push(&format!("\nTotal Objects: {}\n   Total Size: {size}\n", self.objects));
        }
        let found_nothing = self.nothing_in_a_page && !self.something_shown;
        if !command.key.is_empty() && found_nothing { NOTHING_FOUND } else { 0 }
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A time in UTC, to the second.
fn time(value: Option<&Value>) -> String {
    match value {
        Some(Value::Timestamp(Timestamp(time))) => {
            let time = time.to_offset(time::UtcOffset::UTC);
            let (date, clock) = (time.date(), time.time());
            let month = u8::from(date.month());
            format!(
                "{}-{month:02}-{:02} {:02}:{:02}:{:02}",
                date.year(),
                date.day(),
                clock.hour(),
                clock.minute(),
                clock.second()
            )
        }
        Some(other) => {
            let mut shown = other.clone();
            as_shown(&mut shown);
            format!("{:<19}", text(Some(&shown)))
        }
        None => " ".repeat(19),
    }
}

fn size_text(bytes: i128, human_readable: bool) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    const BASE: f64 = 1024.0;
    match bytes {
        _ if !human_readable => return bytes.to_string(),
        1 => return "1 Byte".to_owned(),
        _ if bytes < 1024 => return format!("{bytes} Bytes"),
        _ => {}
    }
    let mut size = bytes as f64 / BASE;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    while size.round_ties_even() >= BASE {
        let Some(next) = units.next() else { break };
        size /= BASE;
        unit = next;
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<ListCommand, String> {
        ListCommand::parse(
            &words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn paths_name_a_bucket_and_a_prefix() {
        let point = "arn:aws:s3:us-west-2:123456789012:accesspoint/my";
        let cases = [
            ("", "", ""),
            ("s3://", "", ""),
            ("b", "b", ""),
            ("s3://b", "b", ""),
            ("s3://b/", "b", ""),
            ("s3://b/a/c", "b", "a/c"),
            (point, point, ""),
            (&format!("s3://{point}/pre/x"), point, "pre/x"),
        ];
        for (words, bucket, key) in cases {
            let command = parse(words).unwrap();
            assert_eq!((command.bucket.as_str(), command.key.as_str()), (bucket, key), "{words}");
        }
        assert!(parse("arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/my").is_err());
    }

    #[test]
    fn options_may_be_shortened_and_mistakes_are_named() {
        let command = parse("b --rec --human --sum --page-size=5 --request-payer --bucket-n x").unwrap();
        assert!(command.recursive && command.human_readable && command.summarize && command.request_payer);
        assert_eq!((command.page_size, command.bucket_name_prefix.as_deref()), (Some(5), Some("x")));
        for (words, error) in [
            ("--nope", "Unknown options: --nope"),
            ("a b", "Unknown options: b"),
            ("--bucket x", "ambiguous option: --bucket could match --bucket-name-prefix, --bucket-region"),
            ("--page-size x", "argument --page-size: invalid int value: 'x'"),
            ("--page-size", "argument --page-size: expected one argument"),
        ] {
            assert_eq!(parse(words), Err(error.to_owned()), "{words}");
        }
    }

    #[test]
    fn sizes_are_rounded_as_by_the_official_cli() {
        let cases = [
            (0, "0 Bytes"),
            (1, "1 Byte"),
            (1023, "1023 Bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_063, "1023.5 KiB"),
            (1_048_064, "1.0 MiB"),
            (1_023_999_999, "976.6 MiB"),
            (1 << 60, "1.0 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size_text(bytes, true), text, "{bytes}");
        }
        assert_eq!(size_text(1536, false), "1536");
    }
}
