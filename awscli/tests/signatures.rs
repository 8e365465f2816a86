//! AWS's suite of signature cases, as botocore carries it: requests, and the headers that sign them.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use awscli::endpoint::{SignatureVersion, Signing};
use awscli::serialize::HttpRequest;
use awscli::session::Credentials;
use awscli::sign::{Coverage, sign};

/// 2015-08-30T12:36:00Z, the time of all cases.
const TIME: u64 = 1_440_938_160;

fn cases(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            cases(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "req") {
            found.push(path);
        }
    }
}

#[test]
fn requests_are_signed_as_in_the_suite() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env/botocore/tests/unit/auth/aws4_testsuite");
    assert!(root.is_dir(), "{} is missing: run ./alfred test, which sets it up", root.display());
    let mut found = Vec::new();
    cases(&root, &mut found);
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in &found {
        let name = path.file_stem().unwrap().to_string_lossy();
        let read = |extension: &str| std::fs::read_to_string(path.with_extension(extension)).unwrap();
        let (expected, canonical) = (read("authz"), read("creq"));
        let (mut request, url, is_raw) = request(&read("req"));
        let token = canonical.lines().find_map(|line| line.strip_prefix("x-amz-security-token:"));
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: token.map(str::to_owned),
            account_id: None,
        };
        // A path that comes raw is encoded by the URL already; the suite wants that once.
        let signing = Signing {
            name: "service".into(),
            region: "us-east-1".into(),
            version: SignatureVersion::V4,
            double_encode_path: !is_raw,
            by_session: false,
        };
        let coverage = Coverage { is_s3: false, unsigned_payload: false };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(TIME);
        sign(&mut request, &url, &signing, coverage, &credentials, time).unwrap();
        count += 1;
        if request.header("authorization") != Some(expected.trim()) {
            wrong.push(format!("{name}: {:?}\n  {}", request.header("authorization"), expected.trim()));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 34);
    println!("counted: signature cases: {count} of {count}");
}

/// The request, its URL, and whether its target has characters that no URL has.
fn request(text: &str) -> (HttpRequest, String, bool) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    // Folded lines, which HTTP has given up, are one header.
    let head = head.replace("\n ", " ");
    let mut lines = head.lines();
    let line = lines.next().unwrap();
    let (method, rest) = line.split_once(' ').unwrap();
    let target = rest.strip_suffix(" HTTP/1.1").unwrap_or(rest);
    let mut request =
        HttpRequest { method: method.into(), body: body.to_owned().into(), ..HttpRequest::default() };
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        if !name.eq_ignore_ascii_case("X-Amz-Date") {
            request.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    let host = request.header("Host").unwrap().to_owned();
    let encode = |byte: u8| {
        if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    let is_raw = !target.bytes().all(|byte| byte.is_ascii_graphic());
    (request, format!("https://{host}{}", target.bytes().map(encode).collect::<String>()), is_raw)
}
