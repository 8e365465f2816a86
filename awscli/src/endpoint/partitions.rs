//! AWS's partitions (commercial, China, GovCloud, …): which regions they have and which DNS names they use.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::rules::CompileError;

/// All partitions, in the order of `partitions.json`; the first one stands for regions that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Partitions(Vec<Partition>);

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Such as `aws` or `aws-cn`.
    pub name: String,
    /// What its regions look like, for those that are newer than this list.
    pub region_regex: String,
    /// Its regions by name, pseudo regions such as `aws-global` included.
    pub regions: Vec<String>,
    /// Such as `amazonaws.com`.
    pub dns_suffix: String,
    /// Such as `api.aws`.
    pub dual_stack_dns_suffix: String,
    /// The region that signs for services without regions.
    pub implicit_global_region: String,
    /// Whether it has FIPS endpoints.
    pub supports_fips: bool,
    /// Whether it has dual-stack endpoints.
    pub supports_dual_stack: bool,
}

impl Partitions {
    /// Reads botocore's `partitions.json`.
    pub fn from_json(document: &Json) -> Result<Self, CompileError> {
        let list =
            document["partitions"].as_array().ok_or_else(|| CompileError::new("partitions", document))?;
        list.iter().map(Partition::from_json).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// The partition that has `region`: by its list, then by the look of the name, else the first one.
    pub fn of_region(&self, region: &str) -> Option<&Partition> {
        let listed = || self.0.iter().find(|partition| partition.regions.iter().any(|name| name == region));
        let looks_like =
            |partition: &&Partition| region_pattern(partition).is_ok_and(|pattern| pattern.is_match(region));
        listed().or_else(|| self.0.iter().find(looks_like)).or_else(|| self.0.first())
    }
}

impl Partition {
    fn from_json(document: &Json) -> Result<Self, CompileError> {
        let outputs = &document["outputs"];
        let text = |node: &Json, key: &str| {
            node[key]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| CompileError::new(&format!("partition's {key}"), node))
        };
        let flag = |key: &str| outputs[key].as_bool().ok_or_else(|| CompileError::new(key, outputs));
        let partition = Self {
            name: text(document, "id")?,
            region_regex: text(document, "regionRegex")?,
            regions: document["regions"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect(),
            dns_suffix: text(outputs, "dnsSuffix")?,
            dual_stack_dns_suffix: text(outputs, "dualStackDnsSuffix")?,
            implicit_global_region: text(outputs, "implicitGlobalRegion")?,
            supports_fips: flag("supportsFIPS")?,
            supports_dual_stack: flag("supportsDualStack")?,
        };
        region_pattern(&partition).map_err(|_| CompileError::new("regionRegex", document))?;
        Ok(partition)
    }
}

/// Region names are ASCII, so the pattern's `\w` and `\d` are, too.
fn region_pattern(partition: &Partition) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(&partition.region_regex).unicode(false).build()
}
