//! The packed models of all services, carried inside the program and unpacked one by one on first use. Their shapes and
//! operations stay packed until a command needs them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

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

static UNPACKED: LazyLock<Unpacked> = LazyLock::new(Unpacked::default);

/// The unpacked services, of which those that were not used for the longest time go.
struct Unpacked {
    /// In the order of the index.
    places: Vec<Place>,
    /// How often any service was used.
    uses: AtomicU64,
    /// Which places are taken. Locked only when a service was unpacked, and never under the lock of a place.
    taken: Mutex<Vec<usize>>,
}

/// Where a service is while it is unpacked. Each place has its own lock, so that no command waits for what others use.
#[derive(Default)]
struct Place {
    service: RwLock<Option<Arc<Service>>>,
    /// When it was last used, in uses of any service.
    used: AtomicU64,
}

impl Default for Unpacked {
    fn default() -> Self {
        let places = PACKED.iter().map(|_| Place::default()).collect();
        Self { places, uses: AtomicU64::default(), taken: Mutex::default() }
    }
}

impl Unpacked {
    /// The service of this number. Of several threads that come first one unpacks it.
    fn service(&self, at: usize) -> Option<Arc<Service>> {
        let place = self.places.get(at)?;
        place.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if let Some(service) = &*place.service.read().unwrap_or_else(PoisonError::into_inner) {
            return Some(Arc::clone(service));
        }
        let mut empty = place.service.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(service) = &*empty {
            return Some(Arc::clone(service));
        }
        let service = Arc::new(unpack(PACKED.get(at)?)?);
        *empty = Some(Arc::clone(&service));
        drop(empty);
        self.make_room(at);
        Some(service)
    }

    /// Counts a place as taken, and empties another if they are too many.
    fn make_room(&self, at: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push(at);
        if taken.len() <= KEPT {
            return;
        }
        let used = |place: usize| self.places.get(place).map(|place| place.used.load(Ordering::Relaxed));
        let oldest = (0..taken.len()).min_by_key(|index| used(taken[*index]));
        if let Some(place) = oldest.and_then(|index| self.places.get(taken.swap_remove(index))) {
            *place.service.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// All services, sorted by their word on the command line.
pub fn index() -> &'static [Entry] {
    &INDEX
}

/// The service of a word on the command line, such as `ec2` or `s3api`. `None` if there is none.
pub fn service(command: &str) -> Option<Arc<Service>> {
    let at = INDEX.binary_search_by(|entry| entry.command.as_str().cmp(command)).ok()?;
    UNPACKED.service(at)
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
        assert!(UNPACKED.taken.lock().is_ok_and(|taken| taken.len() == KEPT));
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
    fn a_service_is_unpacked_once_however_many_ask_for_it() {
        let unpacked = Unpacked::default();
        let all: Vec<Arc<Service>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| unpacked.service(0))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic").expect("a service")).collect()
        });
        assert!(all.iter().all(|service| Arc::ptr_eq(service, &all[0])));
        assert!(service("no-such-service").is_none());
    }

    #[test]
    fn a_service_that_is_used_stays_and_others_go() {
        let unpacked = Unpacked::default();
        let first = unpacked.service(0).expect("a service");
        for at in 1..=2 * KEPT {
            unpacked.service(at).expect("a service");
            assert!(Arc::ptr_eq(&first, &unpacked.service(0).expect("a service")));
        }
        let is_there =
            |at: &usize| unpacked.places[*at].service.read().is_ok_and(|service| service.is_some());
        let there: Vec<usize> = (0..unpacked.places.len()).filter(is_there).collect();
        assert!(there.iter().copied().eq([0].into_iter().chain(KEPT + 2..=2 * KEPT)), "{there:?}");
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
