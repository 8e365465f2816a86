//! A list whose items stay packed until they are used. The biggest models have thousands of shapes, and a call needs a
//! few dozen of them.

use std::ops::{Index, Range};
use std::sync::OnceLock;
use std::{fmt, io};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::frame;

/// How many items a block has, but for the last. Smaller blocks are quicker to open, but compress worse: the shapes of ec2
/// take a fifth more in five blocks than in one.
const BLOCK: usize = 1024;

/// Items in their packed form, each of which is decoded when it is first asked for.
///
/// They come in blocks. Those of a list of several blocks are compressed one by one, and each is decompressed when an item
/// of it is first asked for. The one block of a short list is compressed with what the list is a part of.
#[derive(Clone)]
pub struct Packed<T> {
    len: usize,
    blocks: Vec<Block<T>>,
}

#[derive(Clone)]
struct Block<T> {
    packed: Vec<u8>,
    open: OnceLock<OpenBlock<T>>,
}

#[derive(Clone)]
struct OpenBlock<T> {
    /// `None` if the block was not compressed.
    decompressed: Option<Vec<u8>>,
    items: Vec<Item<T>>,
}

#[derive(Clone)]
struct Item<T> {
    /// Which of the block's bytes are its own.
    range: Range<usize>,
    /// Boxed, since most items of a list are never decoded.
    decoded: OnceLock<Box<T>>,
}

impl<T: Serialize> Packed<T> {
    /// Packs items.
    pub fn new(items: &[T]) -> io::Result<Self> {
        let several = items.len() > BLOCK;
        let blocks = items.chunks(BLOCK).map(|items| {
            let items = items.iter().map(postcard::to_stdvec).collect::<Result<Vec<_>, _>>();
            let items = items.map_err(io::Error::other)?;
            let lengths: Vec<usize> = items.iter().map(Vec::len).collect();
            let mut block = postcard::to_stdvec(&lengths).map_err(io::Error::other)?;
            block.extend(items.concat());
            Ok(Block::new(if several { frame::compress(&block)? } else { block }))
        });
        Ok(Self { len: items.len(), blocks: blocks.collect::<io::Result<_>>()? })
    }
}

impl<T> Packed<T> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first fields of each item, without decoding the items. `None` for one that cannot be read.
    pub(super) fn heads<'a, H: Deserialize<'a>>(&'a self) -> impl Iterator<Item = Option<H>> {
        (0..self.len).map(|index| postcard::from_bytes(self.item(index)?.1).ok())
    }

    /// An item and its bytes, which are empty if its block cannot be opened.
    fn item(&self, index: usize) -> Option<(&Item<T>, &[u8])> {
        let number = index / BLOCK;
        let block = self.blocks.get(number)?;
        let open = block.open.get_or_init(|| {
            OpenBlock::new(&block.packed, self.blocks.len() > 1, BLOCK.min(self.len - number * BLOCK))
        });
        let item = open.items.get(index % BLOCK)?;
        let bytes = open.decompressed.as_ref().unwrap_or(&block.packed);
        Some((item, bytes.get(item.range.clone()).unwrap_or_default()))
    }
}

impl<T: DeserializeOwned + Default> Packed<T> {
    /// The item at `index`, if there are so many. One that cannot be decoded is its type's default.
    pub fn get(&self, index: usize) -> Option<&T> {
        let (item, bytes) = self.item(index)?;
        Some(item.decoded.get_or_init(|| Box::new(postcard::from_bytes(bytes).unwrap_or_default())))
    }

    /// All items. Each is decoded when the iterator comes to it.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len).filter_map(|index| self.get(index))
    }
}

impl<T: DeserializeOwned + Default> Index<usize> for Packed<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        match self.get(index) {
            Some(item) => item,
            None => panic!("there is no item {index} among {}", self.len),
        }
    }
}

impl<T> Default for Packed<T> {
    fn default() -> Self {
        Self { len: 0, blocks: Vec::new() }
    }
}

impl<T> Block<T> {
    fn new(packed: Vec<u8>) -> Self {
        Self { packed, open: OnceLock::new() }
    }
}

impl<T> OpenBlock<T> {
    fn new(packed: &[u8], compressed: bool, len: usize) -> Self {
        let decompressed = compressed.then(|| frame::decompress(packed).unwrap_or_default());
        let bytes = decompressed.as_deref().unwrap_or(packed);
        let (lengths, contents) = postcard::take_from_bytes::<Vec<usize>>(bytes).unwrap_or_default();
        let mut end = bytes.len() - contents.len();
        let ranges = lengths.into_iter().map(|length| {
            let start = end;
            end = start.saturating_add(length);
            start..end
        });
        // There are always as many items as there should be, so that each index of the list has one.
        let ranges = ranges.chain(std::iter::repeat(0..0)).take(len);
        let items = ranges.map(|range| Item { range, decoded: OnceLock::new() }).collect();
        Self { decompressed, items }
    }
}

impl<T: DeserializeOwned + Default + fmt::Debug> fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What was decoded already makes no difference.
impl<T> PartialEq for Packed<T> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(ours, theirs): (&Block<T>, &Block<T>)| ours.packed == theirs.packed;
        self.len == other.len && self.blocks.iter().zip(&other.blocks).all(same)
    }
}

impl<T> Serialize for Packed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let blocks: Vec<&[u8]> = self.blocks.iter().map(|block| block.packed.as_slice()).collect();
        (self.len, blocks).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (len, blocks) = <(usize, Vec<&'de [u8]>)>::deserialize(deserializer)?;
        if blocks.len() != len.div_ceil(BLOCK) {
            return Err(D::Error::custom("a list has more or fewer blocks than its items take"));
        }
        Ok(Self { len, blocks: blocks.into_iter().map(|packed| Block::new(packed.to_vec())).collect() })
    }
}

#[cfg(test)]
impl<T: DeserializeOwned + Serialize> Packed<T> {
    /// How many items were decoded until now.
    pub(crate) fn decoded(&self) -> usize {
        let open = self.blocks.iter().filter_map(|block| block.open.get());
        open.flat_map(|block| &block.items).filter(|item| item.decoded.get().is_some()).count()
    }

    /// Whether each item can be decoded, and is packed again as it was.
    pub(crate) fn is_sound(&self) -> bool {
        (0..self.len).filter_map(|index| self.item(index)).all(|(_, bytes)| {
            postcard::from_bytes::<T>(bytes)
                .is_ok_and(|item| postcard::to_stdvec(&item).is_ok_and(|b| b == bytes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Words = Packed<(String, usize)>;

    fn words(len: usize) -> Words {
        Packed::new(&(0..len).map(|n| (format!("word {n}"), n)).collect::<Vec<_>>()).expect("small")
    }

    #[test]
    fn an_item_is_decoded_when_it_is_used() {
        for len in [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1] {
            let bytes = postcard::to_stdvec(&words(len)).expect("bytes");
            let words: Words = postcard::from_bytes(&bytes).expect("a list");
            assert_eq!(words.len(), len);
            assert!(words.is_sound());
            assert!(
                words.heads::<&str>().zip(0..).all(|(head, n)| head == Some(format!("word {n}").as_str()))
            );
            assert_eq!((words.heads::<&str>().count(), words.decoded()), (len, 0));
            assert_eq!(words[len - 1], (format!("word {}", len - 1), len - 1));
            assert_eq!(words.decoded(), 1);
            assert_eq!(words.get(len), None);
            assert!(words.iter().map(|(_, n)| *n).eq(0..len));
            assert_eq!(words.decoded(), len);
        }
    }

    #[test]
    fn a_block_is_opened_when_an_item_of_it_is_used() {
        let words = words(2 * BLOCK + 1);
        assert_eq!(words[BLOCK].1, BLOCK);
        let open: Vec<bool> = words.blocks.iter().map(|block| block.open.get().is_some()).collect();
        assert_eq!(open, [false, true, false]);
    }

    #[test]
    fn bytes_that_cannot_be_read_are_no_list_or_give_defaults() {
        let nothing = (String::new(), 0);
        for len in [3, BLOCK + 1] {
            let bytes = postcard::to_stdvec(&words(len)).expect("bytes");
            assert!(postcard::from_bytes::<Words>(&bytes[..bytes.len() - 1]).is_err());
            // Whatever happens to a byte, each index has an item or there is no list.
            for at in (0..bytes.len()).step_by(len.div_ceil(100)) {
                let mut bytes = bytes.clone();
                bytes[at] ^= 0x55;
                let Ok(words) = postcard::from_bytes::<Words>(&bytes) else { continue };
                assert!((0..words.len()).all(|index| words[index].0.len() <= bytes.len()), "{at}");
                assert_eq!(words.heads::<&str>().count(), words.len());
            }
            let mut words = words(len);
            words.blocks[0].packed = vec![0xff; 20];
            assert_eq!((&words[0], words.heads::<&str>().next()), (&nothing, Some(None)));
        }
    }
}
