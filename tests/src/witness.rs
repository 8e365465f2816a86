//! The programs and files that judge the product and that we did not write. `scripts/witness.sh` puts them into
//! `.env/` at the root of the workspace.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use aws_credential_types::Credentials;
use local::aws::{DEV, HOME, PROD};

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

/// A program of this workspace, built with the same profile as the running one.
///
/// # Panics
/// If it is not there.
pub fn program(name: &str) -> PathBuf {
    let mut folder = std::env::current_exe().unwrap_or_default();
    folder.pop();
    // Tests lie in a folder of their own beside the programs.
    if folder.ends_with("deps") {
        folder.pop();
    }
    let program = folder.join(name);
    assert!(program.exists(), "{} is missing: run ./alfred test, which builds it", program.display());
    program
}

/// The version of the official AWS CLI.
///
/// # Panics
/// If it is not there.
pub fn official_version() -> String {
    let folder = material("awscli-v2/awscli/v2/current").canonicalize();
    let folder = folder.unwrap_or_else(|error| panic!("the official AWS CLI has no release: {error}"));
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The official AWS CLI v2, with nothing of this user's settings: access key `test`, region us-east-1, no pager.
pub fn official_cli(endpoint: &str) -> Command {
    let mut command = Command::new(material("awscli-v2/awscli/v2/current/dist/aws"));
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

/// ministack with all its enforcement on, ready, and its endpoint. It listens on loopback only, has a clean
/// environment, and its children die with it.
///
/// # Panics
/// If it does not start.
pub fn ministack() -> (Group, String) {
    let address = free_address().unwrap_or_else(|error| panic!("no free port: {error}"));
    let endpoint = format!("http://{address}");
    let mut command = Command::new(material("venv/bin/ministack"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::temp_dir())
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", address.port().to_string())
        .env("AUTH", "true")
        .env("IOT_MTLS_ENABLED", "0")
        .env("MINISTACK_ACCOUNT_ID", HOME)
        .env("AWS_ENDPOINT_URL", &endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test");
    let mut group = Group::start(command).unwrap_or_else(|error| panic!("ministack does not start: {error}"));
    group.wait_until_listening(address);
    (group, endpoint)
}

/// Administrator keys of ministack's accounts: a key id of 12 digits is the root of the account with that number.
pub fn ministack_keys() -> BTreeMap<&'static str, Credentials> {
    let keys = |id: &str| Credentials::new(id, "test", None, None, "ministack");
    BTreeMap::from([(HOME, keys("test")), (DEV, keys(DEV)), (PROD, keys(PROD))])
}
