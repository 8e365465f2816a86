//! Options of EC2's commands: one network interface, one rule of a security group, the upload of a bundle.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::{first, map, text};
use crate::command::UsageError;
use crate::command::values::int;
use crate::model::{Operation, Service};
use crate::value::{Map, Value};

/// `--count` and the simple options for one network interface.
pub fn run_instances(option: &str, words: &[String], parameters: &mut Map) -> Result<(), UsageError> {
    let word = words.first().map_or("", String::as_str);
    let whole = |word: &str| {
        int(word).ok_or_else(|| {
            UsageError::parameter("count parameter should be of the form min[:max] (e.g. 1 or 1:10)")
        })
    };
    match option {
        "count" => {
            let (least, most) = word.split_once(':').unwrap_or((word, word));
            parameters.insert("MinCount".to_owned(), whole(least)?);
            parameters.insert("MaxCount".to_owned(), whole(most)?);
            return Ok(());
        }
        "secondary-private-ip-addresses" => {
            let address =
                |word: &String| map([("PrivateIpAddress", text(word)), ("Primary", Value::Bool(false))]);
            let addresses = Value::List(words.iter().map(address).collect());
            interface(parameters).insert("PrivateIpAddresses".to_owned(), addresses);
        }
        "secondary-private-ip-address-count" => {
            let message = || UsageError::usage(&format!("argument --{option}: invalid int value: '{word}'"));
            let count = int(word).ok_or_else(message)?;
            interface(parameters).insert("SecondaryPrivateIpAddressCount".to_owned(), count);
        }
        "associate-public-ip-address" => {
            interface(parameters).insert("AssociatePublicIpAddress".to_owned(), Value::Bool(true));
        }
        _ => {
            interface(parameters).insert("AssociatePublicIpAddress".to_owned(), Value::Bool(false));
        }
    }
    Ok(())
}

/// The first network interface, which the simple options describe.
fn interface(parameters: &mut Map) -> &mut Map {
    let interface = first(parameters, "NetworkInterfaces");
    if interface.is_empty() {
        interface.insert("DeviceIndex".to_owned(), Value::Int(0));
    }
    interface
}

/// `--protocol`, `--port`, `--cidr`, `--source-group` and `--group-owner` of a security group's rule.
pub fn permission(option: &str, word: &str, parameters: &mut Map) -> Result<(), UsageError> {
    let rule = first(parameters, "IpPermissions");
    match option {
        "protocol" => {
            let protocol = if word == "all" { "-1" } else { word };
            rule.insert("IpProtocol".to_owned(), text(protocol));
        }
        "port" => {
            let message = || {
                UsageError::parameter("port parameter should be of the form <from[-to]> (e.g. 22 or 22-25)")
            };
            let (from, to) = match word {
                "-1" | "all" => ("-1", "-1"),
                range => range.split_once('-').unwrap_or((range, range)),
            };
            rule.insert("FromPort".to_owned(), int(from).ok_or_else(message)?);
            rule.insert("ToPort".to_owned(), int(to).ok_or_else(message)?);
        }
        "cidr" => {
            rule.insert("IpRanges".to_owned(), Value::List(vec![map([("CidrIp", text(word))])]));
        }
        "source-group" => {
            let member = if word.starts_with("sg-") { "GroupId" } else { "GroupName" };
            first(rule, "UserIdGroupPairs").insert(member.to_owned(), text(word));
        }
        _ => {
            first(rule, "UserIdGroupPairs").insert("UserId".to_owned(), text(word));
        }
    }
    Ok(())
}

/// Once a network interface is described, the subnet, groups and addresses must be part of its description.
pub fn describe_interface(parameters: &mut Map) {
    const SIMPLE: [&str; 3] =
        ["PrivateIpAddresses", "SecondaryPrivateIpAddressCount", "AssociatePublicIpAddress"];
    const MOVED: [(&str, &str); 5] = [
        ("SubnetId", "SubnetId"),
        ("SecurityGroupIds", "Groups"),
        ("Ipv6AddressCount", "Ipv6AddressCount"),
        ("Ipv6Addresses", "Ipv6Addresses"),
        ("EnablePrimaryIpv6", "PrimaryIpv6"),
    ];
    let described = match parameters.get("NetworkInterfaces") {
        Some(Value::List(interfaces)) => interfaces
            .first()
            .is_some_and(|interface| SIMPLE.iter().any(|member| interface.get(member).is_some())),
        _ => false,
    };
    if !described {
        return;
    }
    let mut moved = Vec::new();
    for (from, to) in MOVED {
        if let Some(value) = parameters.shift_remove(from) {
            moved.push((to, value));
        }
    }
    if let Some(address) = parameters.shift_remove("PrivateIpAddress") {
        let address = map([("PrivateIpAddress", address), ("Primary", Value::Bool(true))]);
        moved.push(("PrivateIpAddresses", Value::List(vec![address])));
    }
    let interface = first(parameters, "NetworkInterfaces");
    for (member, value) in moved {
        interface.insert(member.to_owned(), value);
    }
}

/// The owner's secret key while it is among the parameters. It signs the policy and is not sent.
pub const OWNER_KEY: &str = "_SAK";

/// How long the policy that `ec2 bundle-instance` makes holds.
const POLICY_EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);

/// Lets EC2 write the bundle of `ec2 bundle-instance` into the bucket: with the user's policy or one for a day, signed
/// with the key of the bucket's owner.
pub fn sign_upload(
    service: &Service,
    operation: &Operation,
    parameters: &mut Map,
    now: SystemTime,
) -> Result<(), UsageError> {
    if (service.command.as_str(), operation.command.as_str()) != ("ec2", "bundle-instance") {
        return Ok(());
    }
    let missing = |name: &str| UsageError::general(format!("'{name}'"));
    let Some(Value::Map(storage)) = parameters.get_mut("Storage") else { return Err(missing("Storage")) };
    let Some(Value::Map(storage)) = storage.get_mut("S3") else { return Err(missing("S3")) };
    if !storage.contains_key("UploadPolicy") {
        let text_of = |name: &str| storage.get(name).and_then(Value::as_str).ok_or_else(|| missing(name));
        let expires = time::OffsetDateTime::from(now + POLICY_EXPIRY);
        let policy = format!(
            "{{\"expiration\": \"{}T{:02}:{:02}:{:02}.{:06}Z\",\"conditions\": [{{\"bucket\": \"{}\"}},\
             {{\"acl\": \"ec2-bundle-read\"}},[\"starts-with\", \"$key\", \"{}\"]]}}",
            expires.date(),
            expires.hour(),
            expires.minute(),
            expires.second(),
            expires.microsecond(),
            text_of("Bucket")?,
            text_of("Prefix")?
        );
        storage.insert("UploadPolicy".to_owned(), Value::Bytes(policy.into_bytes()));
    }
    if !storage.contains_key("UploadPolicySignature")
        && let (Some(Value::Bytes(policy)), Some(Value::Str(key))) =
            (storage.get("UploadPolicy"), storage.get(OWNER_KEY))
    {
        let failed = |error: &dyn std::fmt::Display| UsageError::general(error.to_string());
        let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).map_err(|error| failed(&error))?;
        mac.update(STANDARD.encode(policy).as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        storage.shift_remove(OWNER_KEY);
        storage.insert("UploadPolicySignature".to_owned(), Value::Str(signature));
    }
    Ok(())
}
