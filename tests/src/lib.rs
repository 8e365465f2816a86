//! What the tests stand on: people who talk to the product, the witnesses that we did not write, processes that never
//! outlive a test, and measurements.

pub mod conversation;
pub mod measure;
pub mod process;
pub mod witness;
