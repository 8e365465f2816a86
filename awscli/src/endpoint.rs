//! Where a request goes and how it is signed: the endpoint rules of a service, run over the region, the operation's
//! parameters and the session. Nothing that a user types is a host; it only enters the rules as a value.

mod functions;
mod partitions;
mod rules;
mod target;

pub(crate) use functions::is_arn;
pub use functions::is_valid_host_label;
pub use partitions::{Partition, Partitions};
pub use rules::{CompileError, EndpointError, Parameters, ResolvedRule, RuleSet};
pub use target::{Origin, SignatureVersion, Signing, Target, TargetError};
