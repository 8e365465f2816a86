//! The packed models of all services, carried inside the program and unpacked one by one on first use. Their shapes and
//! operations stay packed until a command needs them.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::endpoint::Partitions;
use crate::model::{self, Service};

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

/// How many unpacked services are kept. One takes up to 5 MB once all of it was used, and a conversation rarely touches
/// more.
const KEPT: usize = 16;

/// The packed services, in the order of the index.
static PACKED: &[&[u8]] = &include!("../models/embedded.rs");

static INDEX: LazyLock<Vec<Entry>> =
    // The index is written together with the table above; that it decodes is what the tests below hold.
    LazyLock::new(|| postcard::from_bytes(include_bytes!("../models/index.bin")).unwrap_or_default());

/// The unpacked services, the most recently used last.
static UNPACKED: Mutex<Vec<(usize, Arc<Service>)>> = Mutex::new(Vec::new());

/// All services, sorted by their word on the command line.
pub fn index() -> &'static [Entry] {
    &INDEX
}

/// The service of a word on the command line, such as `ec2` or `s3api`. `None` if there is none.
pub fn service(command: &str) -> Option<Arc<Service>> {
    let at = INDEX.binary_search_by(|entry| entry.command.as_str().cmp(command)).ok()?;
    let mut unpacked = UNPACKED.lock().unwrap_or_else(PoisonError::into_inner);
    let service = match unpacked.iter().position(|(index, _)| *index == at) {
        Some(place) => unpacked.remove(place).1,
        None => {
            if unpacked.len() >= KEPT {
                unpacked.remove(0);
            }
            Arc::new(unpack(PACKED.get(at)?)?)
        }
    };
    unpacked.push((at, Arc::clone(&service)));
    Some(service)
}

/// AWS's partitions: their regions and DNS suffixes.
pub fn partitions() -> &'static Partitions {
    static PARTITIONS: LazyLock<Partitions> = LazyLock::new(|| {
        let bytes = model::decompress(include_bytes!("../models/partitions.bin"));
        bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default()
    });
    &PARTITIONS
}

/// A service out of its packed file. `None` if that is none.
pub fn unpack(packed: &[u8]) -> Option<Service> {
    postcard::from_bytes(&model::decompress(packed)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::help;
    use crate::model::Kind;

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
        assert!(UNPACKED.lock().is_ok_and(|unpacked| unpacked.len() == KEPT));
    }

    #[test]
    fn every_part_of_a_service_decodes() {
        for (entry, packed) in index().iter().zip(PACKED) {
            let service = unpack(packed).unwrap_or_else(|| panic!("{} does not decode", entry.command));
            let sound =
                service.shapes.is_sound() && service.operations.is_sound() && service.rules.is_sound();
            assert!(sound, "{}", entry.command);
        }
    }

    #[test]
    fn using_an_operation_decodes_only_its_own_shapes() {
        // Not out of the catalog, where other tests may use it as well.
        let at = index().iter().position(|entry| entry.command == "ec2").expect("ec2");
        let ec2 = unpack(PACKED[at]).expect("ec2");
        let operation = ec2.operation_of_command("describe-instances").expect("an operation");
        assert_eq!(operation.name, "DescribeInstances");
        assert_eq!((ec2.operations.decoded(), ec2.shapes.decoded()), (1, 0));
        for shape in [operation.input, operation.output] {
            let shape = shape.and_then(|id| ec2.shapes.get(id as usize)).expect("a shape");
            assert!(matches!(&shape.kind, Kind::Structure(_)), "{}", shape.name);
        }
        assert_eq!(ec2.shapes.decoded(), 2);
        // Its page of help follows its own shapes and those of no other operation.
        assert!(help::operation(&ec2, operation).contains("--instance-ids (list)"));
        assert_eq!(ec2.operations.decoded(), 1);
        assert!((3..200).contains(&ec2.shapes.decoded()), "{}", ec2.shapes.decoded());
        assert!(ec2.shapes.len() > 4000, "{}", ec2.shapes.len());
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
        let Kind::Structure(output) = &sts.shapes[operation.output.expect("an output") as usize].kind else {
            panic!("not a structure")
        };
        let names: Vec<_> = output.members.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["UserId", "Account", "Arn"]);
    }
}
