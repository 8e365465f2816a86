//! The programs and files that judge the product and that we did not write. `scripts/witness.sh` puts them into
//! `.env/` at the root of the workspace.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Group, free_address};

/// The root of the workspace.
pub fn root() -> &'static Path {
    // This package lies directly in the root, so its folder has a parent.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// A file or folder of `.env/`.
///
/// # Panics
/// If it is not there.
pub fn material(path: &str) -> PathBuf {
    let material = root().join(".env").join(path);
    assert!(material.exists(), "{} is missing: run ./alfred test, which sets it up", material.display());
    material
}

/// A program of this workspace, built into the folder where the tests were built.
///
/// # Panics
/// If it is not there.
pub fn program(name: &str) -> PathBuf {
    // The running test lies in <target>/<profile>/deps.
    let folder = std::env::current_exe().ok().and_then(|test| Some(test.parent()?.parent()?.to_path_buf()));
    let program = folder.unwrap_or_default().join(name);
    assert!(program.exists(), "{} is missing: run ./alfred test, which builds it", program.display());
    program
}

/// The official AWS CLI v2, with nothing of this user's settings: access key `test`, region us-east-1, no pager.
pub fn official_cli(endpoint: &str) -> Command {
    let mut command = Command::new(material("awscli-v2/awscli/v2/2.38.5/dist/aws"));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_PAGER", "")
        .args(["--endpoint-url", endpoint]);
    command
}

/// Our `aws` command as a program, with the same access key, region and endpoint.
pub fn our_cli(endpoint: &str) -> Command {
    let mut command = Command::new(program("aws-native"));
    command
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", endpoint);
    command
}

/// moto's server, ready, and its address.
///
/// # Panics
/// If it does not start.
pub fn moto() -> (Group, SocketAddr) {
    let address = free_address().unwrap_or_else(|error| panic!("no free port: {error}"));
    let mut command = Command::new(material("venv/bin/moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
    let mut group = Group::start(command).unwrap_or_else(|error| panic!("moto does not start: {error}"));
    group.wait_until_listening(address);
    (group, address)
}
