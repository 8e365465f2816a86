//! `aws cloudtrail verify-query-results`: whether exported results are those that CloudTrail Lake signed.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use bytes::Bytes;
use time::{Duration, UtcOffset};

use super::client::{Client, body, map, member, text};
use crate::checksum::sha256_hex;
use crate::command::{Custom, UsageError, json, values};
use crate::run::{Failure, Printer};
use crate::send::Calls;
use crate::value::{Timestamp, Value};

const SIGN_FILE: &str = "result_sign.json";

/// For how long after a signature its key is looked for.
const KEY_SPAN: Duration = Duration::days(20);

/// Where the files are.
enum Place<'a> {
    Folder(&'a str),
    Bucket { s3: Client, bucket: &'a str, prefix: String },
}

/// Compares the hash of each file with the signed one, and then checks the signature.
pub async fn verify(custom: &Custom, calls: &mut Calls<'_>, printer: &mut Printer) -> Result<i32, Failure> {
    let option = |name: &str| custom.options.text(name).filter(|word| !word.is_empty());
    let region = printer.output.region.clone();
    let place = match (option("local-export-path"), option("s3-bucket"), option("s3-prefix")) {
        (None, None, _) => {
            let message = "Require parameter --s3-bucket or --local-export-path.";
            return Err(UsageError::parameter(message).into());
        }
        (Some(folder), None, None) => Place::Folder(folder),
        (None, Some(bucket), prefix) => {
            let prefix = prefix.map(|prefix| format!("{}/", prefix.strip_suffix('/').unwrap_or(prefix)));
            let s3 = Client::new("s3api", region.as_deref())?;
            Place::Bucket { s3, bucket, prefix: prefix.unwrap_or_default() }
        }
        _ => {
            let message = "Parameter --local-export-path can not be specified with parameter --s3-bucket nor --s3-prefix.";
            return Err(UsageError::parameter(message).into());
        }
    };
    let cloudtrail = Client::new("cloudtrail", region.as_deref())?;
    let signed = place.read(SIGN_FILE, calls).await?;
    let signed = std::str::from_utf8(&signed).map_err(|error| Failure::general(&error.to_string()))?;
    let signed = json::parse(signed).map_err(|error| {
        let message = format!("InformationCollectionError: Unable to load {SIGN_FILE} file, due to {error}");
        Failure::general(&message)
    })?;
    let Value::Map(signed) = signed else { return Err(invalid("Invalid sign file provided.")) };
    let files = match member(&signed, "files")? {
        Value::List(files) if files.is_empty() => {
            return Err(invalid("No export file was found in sign file."));
        }
        Value::List(files) => files,
        _ => return Err(invalid("Invalid sign file provided.")),
    };
    let mut hashes = Vec::new();
    for file in files {
        let part = |name: &str| {
            let part = file.get(name).and_then(Value::as_str);
            part.ok_or_else(|| Failure::general(&format!("'{name}'")))
        };
        let name = part("fileName")?;
        let content = place.read(name, calls).await?;
        let (expected, found) = (part("fileHashValue")?, sha256_hex(&content));
        if found != expected {
            return Err(invalid(&format!(
                "File {name} has inconsistent hash value with hash value recorded in sign file, hash value in sign file \
                 is {expected} , but get {found}"
            )));
        }
        hashes.push(expected);
    }
    let part = |name: &str| member(&signed, name).map(|value| value.as_str().unwrap_or_default());
    let (time, fingerprint) = (part("queryCompleteTime")?, part("publicKeyFingerprint")?);
    let key = key(&cloudtrail, time, fingerprint, calls).await?;
    let signature = unhex(part("hashSignature")?)?;
    let public_key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key);
    if public_key.verify(hashes.join(" ").as_bytes(), &signature).is_err() {
        return Err(invalid("Invalid signature in sign file"));
    }
    printer.sink.push("Successfully validated sign and query result files\n");
    Ok(0)
}

fn invalid(message: &str) -> Failure {
    Failure::general(&format!("ValidationError: {message}"))
}

impl Place<'_> {
    async fn read(&self, name: &str, calls: &mut Calls<'_>) -> Result<Bytes, Failure> {
        match self {
            Self::Folder(folder) => {
                let path = format!("{}/{name}", folder.strip_suffix('/').unwrap_or(folder));
                calls.session().files.read(&path).map_err(|error| Failure::general(&error.to_string()))
            }
            Self::Bucket { s3, bucket, prefix } => {
                let request = map([("Bucket", text(bucket)), ("Key", text(&format!("{prefix}{name}")))]);
                let mut result = s3.call(calls, "GetObject", request).await?;
                Ok(body(&mut result, "Body"))
            }
        }
    }
}

/// The public key of a signature that was made at `time`.
async fn key(
    cloudtrail: &Client,
    time: &str,
    fingerprint: &str,
    calls: &mut Calls<'_>,
) -> Result<Vec<u8>, Failure> {
    let unable = || Failure::general(&format!("Unable to parse date value: {time}"));
    let Timestamp(start) = values::time(&text(time), calls.session().now()).ok_or_else(unable)?;
    // The official CLI takes the clock's hands for those of UTC.
    let end = start.checked_add(KEY_SPAN).ok_or_else(unable)?.replace_offset(UtcOffset::UTC);
    let end = end.replace_nanosecond(0).unwrap_or(end);
    let span = map([
        ("StartTime", Value::Timestamp(Timestamp(start))),
        ("EndTime", Value::Timestamp(Timestamp(end))),
    ]);
    let listed = cloudtrail.call(calls, "ListPublicKeys", span).await?;
    let keys = match member(&listed, "PublicKeyList")? {
        Value::List(keys) => keys.as_slice(),
        _ => &[],
    };
    let found = keys.iter().find(|key| key.get("Fingerprint").and_then(Value::as_str) == Some(fingerprint));
    match found.and_then(|key| key.get("Value")) {
        Some(Value::Bytes(key)) => Ok(key.clone()),
        _ => Err(Failure::general(&format!("No public keys found for key with fingerprint: {fingerprint}"))),
    }
}

fn unhex(text: &str) -> Result<Vec<u8>, Failure> {
    if text.len() % 2 == 1 {
        return Err(Failure::general("Odd-length string"));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs =
        text.as_bytes().chunks_exact(2).map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8));
    pairs.collect::<Option<_>>().ok_or_else(|| Failure::general("Non-hexadecimal digit found"))
}
