//! The crate judged by material that its authors did not write: botocore's own test data and the official AWS CLI.

mod endpoints;
mod jmespath;
mod official;
mod options;
mod witness;
