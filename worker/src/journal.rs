//! The ledger as the command's write-ahead record: INTENT before a mutating call is sent, DONE after it. It is also the
//! last place where a call can be refused.

use std::sync::atomic::{AtomicBool, Ordering};

use awscli::session::{Call, CallEnd, Effect, Journal, JournalFuture};

use crate::claim::{CallState, Claim, JournaledCall, Ledger, LedgerError};
use crate::recheck::Recheck;
use crate::reveal;

/// The calls of one job, on their way into its item.
pub struct LedgerJournal<'a> {
    ledger: &'a Ledger,
    claim: &'a Claim,
    recheck: Recheck<'a>,
    /// Whether a call was to change something already.
    changes: AtomicBool,
}

impl<'a> LedgerJournal<'a> {
    /// Writes into the item of `claim`, and lets nothing be changed that `recheck` does not let.
    pub fn new(ledger: &'a Ledger, claim: &'a Claim, recheck: Recheck<'a>) -> Self {
        Self { ledger, claim, recheck, changes: AtomicBool::new(false) }
    }
}

impl Journal for LedgerJournal<'_> {
    fn before<'a>(&'a self, call: &'a Call) -> JournalFuture<'a> {
        Box::pin(async move {
            if awscli::classify::mints(&call.service, &call.operation) {
                return Err(reveal::minting_refusal(&call.service, &call.operation));
            }
            self.recheck.holds(call.effect).await?;
            if call.effect == Effect::Read {
                return Ok(());
            }
            if !self.changes.swap(true, Ordering::Relaxed) {
                self.recheck.is_no_repetition().await?;
            }
            let journaled = JournaledCall {
                name: format!("{} {}", call.service, call.operation),
                token: call.token.clone(),
                state: CallState::Intent,
            };
            self.ledger.intend(self.claim, call.number, &journaled).await.map_err(|error| {
                tracing::warn!(job.id = self.claim.id(), %error, "intent not written");
                match error {
                    LedgerError::Lost => "another worker has taken this job over, so the call was not made".to_owned(),
                    _ => "the journal cannot be written at the moment, so the call was not made; try again in a minute"
                        .to_owned(),
                }
            })
        })
    }

    fn after<'a>(&'a self, call: &'a Call, end: &'a CallEnd) -> JournalFuture<'a> {
        Box::pin(async move {
            let done = match (call.effect, end) {
                // INTENT without an end is how the ledger says "unknown".
                (Effect::Read, _) | (_, CallEnd::Unknown) => return Ok(()),
                (Effect::Write, CallEnd::Done) => true,
                (Effect::Write, CallEnd::Refused) => false,
            };
            self.ledger.ended(self.claim, call.number, done).await.map_err(|error| {
                tracing::warn!(job.id = self.claim.id(), %error, "end of a call not written");
                "the end of a call could not be written".to_owned()
            })
        })
    }
}
