//! Which names of buckets S3's commands take.

/// Whether a word is a bucket's name, or the ARN of an access point.
pub fn is_bucket(name: &str) -> bool {
    let plain = (1..=255).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    plain || is_access_point(name)
}

fn is_access_point(arn: &str) -> bool {
    let mut fields = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(resource)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return false;
    };
    let name = |text: &str, more: &[u8]| {
        (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    let parts: Vec<&str> = resource.split(['/', ':']).collect();
    partition.starts_with("aws")
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && match (service, parts.as_slice()) {
            ("s3" | "s3-object-lambda", ["accesspoint", point]) => name(point, b"-."),
            ("s3-outposts", ["outpost", outpost, "accesspoint", point]) => {
                !region.is_empty() && name(outpost, b"-") && name(point, b"-")
            }
            _ => false,
        }
}
