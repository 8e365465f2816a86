//! Checksums of request bodies: the flexible ones of S3 and a few other services, Content-MD5, and Glacier's tree hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use twox_hash::{XxHash3_64, XxHash3_128, XxHash64};

/// The algorithm that the AWS CLI v2 takes when none is asked for.
pub(crate) const DEFAULT_ALGORITHM: &str = "CRC64NVME";

/// Glacier hashes an archive in pieces of 1 MiB.
const TREE_PIECE: usize = 1 << 20;

/// The checksum of `body` in base64, or `None` for an algorithm that does not exist. `algorithm` is in any case.
pub fn checksum(algorithm: &str, body: &[u8]) -> Option<String> {
    let digest = match algorithm.to_ascii_uppercase().as_str() {
        "CRC32" => Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(body).to_be_bytes().to_vec(),
        "CRC32C" => Crc::<u32>::new(&CRC_32_ISCSI).checksum(body).to_be_bytes().to_vec(),
        "CRC64NVME" => Crc::<u64>::new(&CRC_64_NVME).checksum(body).to_be_bytes().to_vec(),
        "SHA1" => Sha1::digest(body).to_vec(),
        "SHA256" => Sha256::digest(body).to_vec(),
        "SHA512" => Sha512::digest(body).to_vec(),
        "XXHASH64" => XxHash64::oneshot(0, body).to_be_bytes().to_vec(),
        "XXHASH3" => XxHash3_64::oneshot(body).to_be_bytes().to_vec(),
        "XXHASH128" => XxHash3_128::oneshot(body).to_be_bytes().to_vec(),
        _ => return None,
    };
    Some(STANDARD.encode(digest))
}

/// The MD5 of `bytes` in base64.
pub(crate) fn md5(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Glacier's tree hash: the hashes of all pieces, hashed in pairs until one is left.
pub(crate) fn tree_hash(body: &[u8]) -> String {
    let mut hashes: Vec<Vec<u8>> =
        body.chunks(TREE_PIECE).map(|piece| Sha256::digest(piece).to_vec()).collect();
    if hashes.is_empty() {
        hashes.push(Sha256::digest(b"").to_vec());
    }
    while hashes.len() > 1 {
        let pair = |pair: &[Vec<u8>]| match pair {
            [left, right] => Sha256::new().chain_update(left).chain_update(right).finalize().to_vec(),
            single => single.concat(),
        };
        hashes = hashes.chunks(2).map(pair).collect();
    }
    hex(&hashes.concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_official_cli() {
        // The values stand in requests of the official CLI for these bodies.
        let body = b"hello streaming body\n";
        assert_eq!(checksum("CRC64NVME", body).as_deref(), Some("rv+zNlZNkNg="));
        assert_eq!(checksum("XXHASH64", b"hello").as_deref(), Some("JseCfYifbaM="));
        assert_eq!(checksum("XXHASH3", b"hello").as_deref(), Some("lVXoVVxi3P0="));
        assert_eq!(checksum("XXHASH128", b"hello").as_deref(), Some("tenBrQcbPn/Hec+qXlI4GA=="));
        let check = b"123456789";
        assert_eq!(checksum("crc32", check).as_deref(), Some("y/Q5Jg=="));
        assert_eq!(checksum("crc32c", check).as_deref(), Some("4waSgw=="));
        assert_eq!(checksum("SHA1", check).as_deref(), Some("98O8HYCOBHMq32eZZczDTKeuNEE="));
        assert_eq!(checksum("MD4", check), None);
    }

    #[test]
    fn tree_hashes_pair_pieces() {
        let piece = vec![0_u8; TREE_PIECE];
        assert_eq!(tree_hash(&piece), sha256_hex(&piece));
        let (one, two) = (Sha256::digest(&piece), Sha256::digest(b"x"));
        let three: Vec<u8> = [piece.as_slice(), piece.as_slice(), b"x"].concat();
        let pair = Sha256::new().chain_update(one).chain_update(one).finalize();
        let expected = Sha256::new().chain_update(pair).chain_update(two).finalize();
        assert_eq!(tree_hash(&three), hex(&expected));
    }
}
