//! What the tests stand on: the witnesses that we did not write, and processes that never outlive a test.

pub mod process;
pub mod witness;
