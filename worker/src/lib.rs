//! Job to Outcome to Slack message. The modules are named in the order in which a job passes them: `batch` takes it
//! from the queue, `claim` makes it ours in the ledger, `authorize` finds the caller's role, `assume_role` opens it,
//! `execute` runs the command, `outcome` holds what a person reads, and `respond` brings it to Slack. `sweep` ends the
//! jobs that no worker ended.

pub mod assume_role;
pub mod authorize;
pub mod batch;
pub mod blocks;
pub mod claim;
pub mod config;
pub mod execute;
pub mod gate;
pub mod journal;
pub mod outcome;
pub mod probe;
pub mod recheck;
pub mod report;
pub mod respond;
pub mod reveal;
pub mod seal;
pub mod split;
pub mod sweep;
