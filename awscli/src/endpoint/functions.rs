//! The string functions of the endpoint rules language. `None` is the language's "no value", which ends a rule.

use std::net::Ipv6Addr;

/// What `parseURL` gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParsedUrl {
    pub scheme: String,
    pub authority: String,
    pub path: String,
    pub normalized_path: String,
    pub is_ip: bool,
}

/// What `aws.parseArn` gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account_id: String,
    pub resource_id: Vec<String>,
}

/// `parseURL`: http and https only, without a query.
pub(super) fn parse_url(text: &str) -> Option<ParsedUrl> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return None;
    }
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !query.is_empty() {
        return None;
    }
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host_and_port.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').unwrap_or("")),
        None => host_and_port.split_once(':').unwrap_or((host_and_port, "")),
    };
    if !port.is_empty() && port.parse::<u16>().is_err() {
        return None;
    }
    let mut normalized_path = percent_encode(&remove_dot_segments(path), b"/");
    if !normalized_path.ends_with('/') {
        normalized_path.push('/');
    }
    Some(ParsedUrl {
        scheme,
        authority: authority.to_owned(),
        path: path.to_owned(),
        normalized_path,
        is_ip: looks_like_ipv4(host)
            || host.split('%').next().is_some_and(|host| host.parse::<Ipv6Addr>().is_ok()),
    })
}

/// RFC 3986 section 5.2.4; repeated slashes become one, as AWS services want.
fn remove_dot_segments(path: &str) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let first = if path.starts_with('/') { "/" } else { "" };
    let last = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("{first}{}{last}", kept.join("/"))
}

/// Four groups of one to three digits, whatever their value.
pub(super) fn looks_like_ipv4(host: &str) -> bool {
    let mut groups = 0;
    host.split('.').all(|group| {
        groups += 1;
        (1..=3).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit())
    }) && groups == 4
}

/// `uriEncode`: everything but RFC 3986's unreserved characters and `safe`.
pub(super) fn percent_encode(text: &str, safe: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || safe.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Whether a bucket is named by an ARN.
pub(crate) fn is_arn(bucket: &str) -> bool {
    parse_arn(bucket).is_some()
}

/// `aws.parseArn`: partition, service and resource must not be empty.
pub(super) fn parse_arn(text: &str) -> Option<Arn> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next();
    if next()? != "arn" {
        return None;
    }
    let (partition, service, region, account_id, resource) = (next()?, next()?, next()?, next()?, next()?);
    if partition.is_empty() || service.is_empty() || resource.is_empty() {
        return None;
    }
    Some(Arn {
        partition: partition.to_owned(),
        service: service.to_owned(),
        region: region.to_owned(),
        account_id: account_id.to_owned(),
        resource_id: resource.split([':', '/']).map(str::to_owned).collect(),
    })
}

/// `isValidHostLabel`: RFC 1123, or a dotted row of such labels.
pub fn is_valid_host_label(text: &str, allow_dots: bool) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if allow_dots { text.split('.').all(label) } else { label(text) }
}

/// `aws.isVirtualHostableS3Bucket`: whether a bucket's name can be part of a host.
pub(super) fn is_virtual_hostable_bucket(name: &str, allow_dots: bool) -> bool {
    name.len() >= 3
        && !name.bytes().any(|byte| byte.is_ascii_uppercase())
        && !looks_like_ipv4(name)
        && is_valid_host_label(name, allow_dots)
}

/// `substring`: of ASCII text only; `reverse` counts from the end.
pub(super) fn substring(text: &str, start: usize, stop: usize, reverse: bool) -> Option<String> {
    if start >= stop || text.len() < stop || !text.is_ascii() {
        return None;
    }
    let range = if reverse { text.len() - stop..text.len() - start } else { start..stop };
    text.get(range).map(str::to_owned)
}

/// `split`: at most `limit` parts, without a limit if it is 0.
pub(super) fn split(text: &str, delimiter: &str, limit: usize) -> Vec<String> {
    let parts: Box<dyn Iterator<Item = &str>> =
        if limit == 0 { Box::new(text.split(delimiter)) } else { Box::new(text.splitn(limit, delimiter)) };
    parts.map(str::to_owned).collect()
}
