//! The machines of a cluster.

use super::items;
use crate::command::{UsageError, values};
use crate::custom::client::{map, text};
use crate::value::{Map, Value};

/// `--instance-groups` as the API takes them.
pub fn groups(groups: Option<&Value>) -> Value {
    Value::List(items(groups).iter().map(|group| Value::Map(self::group(group))).collect())
}

fn group(group: &Value) -> Map {
    let given = |name: &str| group.get(name).cloned().unwrap_or(Value::Null);
    let kind = given("InstanceGroupType");
    let role = kind.as_str().unwrap_or_default().to_uppercase();
    let mut built = map([
        ("Name", group.get("Name").cloned().unwrap_or(kind)),
        ("InstanceType", given("InstanceType")),
        ("InstanceCount", given("InstanceCount")),
        ("InstanceRole", text(&role)),
    ]);
    match group.get("BidPrice") {
        Some(price) => {
            if price.as_str() != Some("OnDemandPrice") {
                built.insert("BidPrice".to_owned(), price.clone());
            }
            built.insert("Market".to_owned(), text("SPOT"));
        }
        None => {
            built.insert("Market".to_owned(), text("ON_DEMAND"));
        }
    }
    copy(group, &mut built, &["EbsConfiguration", "AutoScalingPolicy", "Configurations", "CustomAmiId"]);
    built
}

/// The groups of `--instance-groups`, or those that `--instance-type` and `--instance-count` stand for.
pub fn groups_or_type(
    given: Option<&Value>,
    instance_type: Option<&str>,
    count: Option<&str>,
) -> Result<Value, UsageError> {
    let instance_type = match (given, instance_type) {
        (None, None) => {
            return Err(UsageError::parameter(
                "Must specify either --instance-groups or --instance-type with --instance-count(optional) to configure \
                 instance groups.",
            ));
        }
        (Some(_), None) if count.is_none() => return Ok(groups(given)),
        (Some(_), _) => {
            return Err(UsageError::parameter(
                "You may not specify --instance-type or --instance-count with --instance-groups, because \
                 --instance-type and --instance-count are shortcut options for --instance-groups.",
            ));
        }
        (None, Some(instance_type)) => instance_type,
    };
    let group = |role: &str, count: i64| {
        Value::Map(map([
            ("InstanceType", text(instance_type)),
            ("InstanceCount", Value::Int(count)),
            ("InstanceRole", text(role)),
            ("Name", text(role)),
            ("Market", text("ON_DEMAND")),
        ]))
    };
    let mut groups = vec![group("MASTER", 1)];
    if let Some(count) = count
        && let Value::Int(count) = values::python_int(&text(count))?
        && count > 1
    {
        groups.push(group("CORE", count - 1));
    }
    Ok(Value::List(groups))
}

/// `--instance-fleets` as the API takes them.
pub fn fleets(fleets: &Value) -> Value {
    Value::List(items(Some(fleets)).iter().map(|fleet| Value::Map(self::fleet(fleet))).collect())
}

fn fleet(fleet: &Value) -> Map {
    let kind = fleet.get("InstanceFleetType").cloned().unwrap_or(Value::Null);
    let name = fleet.get("Name").cloned().unwrap_or_else(|| kind.clone());
    let mut built = map([("Name", name), ("InstanceFleetType", kind)]);
    copy(fleet, &mut built, &["TargetOnDemandCapacity", "TargetSpotCapacity", "InstanceTypeConfigs"]);
    for (name, parts) in [
        ("LaunchSpecifications", ["SpotSpecification", "OnDemandSpecification"]),
        ("ResizeSpecifications", ["SpotResizeSpecification", "OnDemandResizeSpecification"]),
    ] {
        if let Some(given) = fleet.get(name) {
            let mut specifications = Map::new();
            copy(given, &mut specifications, &parts);
            built.insert(name.to_owned(), Value::Map(specifications));
        }
    }
    copy(fleet, &mut built, &["Context"]);
    built
}

/// Copies those of the members that are there.
fn copy(from: &Value, to: &mut Map, names: &[&str]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert((*name).to_owned(), value.clone());
        }
    }
}
