//! The packed models of all services, carried inside the program and decoded one by one on first use.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::endpoint::Partitions;
use crate::model::Service;

/// What the index knows of a service without decoding it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its word on the command line, such as `s3api`.
    pub command: String,
    /// The folder of its model, such as `s3`.
    pub name: String,
    /// Its name for people.
    pub full_name: String,
}

/// How many decoded services are kept. One takes 0.1 to 5 MB, and a conversation rarely touches more.
const KEPT: usize = 16;

/// The packed services, in the order of the index.
static PACKED: &[&[u8]] = &include!("../models/embedded.rs");

static INDEX: LazyLock<Vec<Entry>> =
    // The index is written together with the table above; that it decodes is what the tests below hold.
    LazyLock::new(|| postcard::from_bytes(include_bytes!("../models/index.bin")).unwrap_or_default());

/// The decoded services, the most recently used last.
static DECODED: Mutex<Vec<(usize, Arc<Service>)>> = Mutex::new(Vec::new());

/// All services, sorted by their word on the command line.
pub fn index() -> &'static [Entry] {
    &INDEX
}

/// The service of a word on the command line, such as `ec2` or `s3api`. `None` if there is none.
pub fn service(command: &str) -> Option<Arc<Service>> {
    let at = INDEX.binary_search_by(|entry| entry.command.as_str().cmp(command)).ok()?;
    let mut decoded = DECODED.lock().unwrap_or_else(PoisonError::into_inner);
    let service = match decoded.iter().position(|(index, _)| *index == at) {
        Some(place) => decoded.remove(place).1,
        None => {
            if decoded.len() >= KEPT {
                decoded.remove(0);
            }
            Arc::new(decode(PACKED.get(at)?)?)
        }
    };
    decoded.push((at, Arc::clone(&service)));
    Some(service)
}

/// AWS's partitions: their regions and DNS suffixes.
pub fn partitions() -> &'static Partitions {
    static PARTITIONS: LazyLock<Partitions> = LazyLock::new(|| {
        let unpacked = unpack(include_bytes!("../models/partitions.bin"));
        unpacked.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default()
    });
    &PARTITIONS
}

fn decode(packed: &[u8]) -> Option<Service> {
    postcard::from_bytes(&unpack(packed)?).ok()
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok()??;
    zstd::bulk::decompress(packed, usize::try_from(size).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_decodes_and_has_its_place() {
        assert_eq!(index().len(), PACKED.len());
        assert!(index().len() > 400, "{}", index().len());
        for entry in index() {
            let service =
                service(&entry.command).unwrap_or_else(|| panic!("{} does not decode", entry.command));
            assert_eq!((&service.command, &service.name), (&entry.command, &entry.name));
            assert!(!service.operations.is_empty(), "{}", entry.command);
        }
        assert!(DECODED.lock().is_ok_and(|decoded| decoded.len() == KEPT));
    }

    #[test]
    fn a_service_is_decoded_once() {
        let first = service("sts").expect("sts");
        assert!(Arc::ptr_eq(&first, &service("sts").expect("sts")));
        assert!(service("no-such-service").is_none());
    }

    #[test]
    fn the_partitions_decode() {
        assert_ne!(partitions(), &Partitions::default());
    }

    #[test]
    fn members_keep_the_order_of_the_model() {
        let sts = service("sts").expect("sts");
        let operation = sts.operation_of_command("get-caller-identity").expect("the operation");
        let crate::model::Kind::Structure(output) =
            &sts.shapes[operation.output.expect("an output") as usize].kind
        else {
            panic!("not a structure")
        };
        let names: Vec<_> = output.members.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["UserId", "Account", "Arn"]);
    }
}
