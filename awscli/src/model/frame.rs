//! How packed models are compressed.

use std::io;

/// Compression level. Higher ones need a bigger window for no gain.
const LEVEL: i32 = 19;

/// What one part can be at most: several times the biggest. More is not what was packed, and not worth the memory.
const LARGEST: u64 = 16 << 20;

/// Compresses a part of the packed models. The same bytes always give the same.
pub fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, LEVEL)
}

/// The bytes that were compressed. `None` if these are not the result of [`compress`].
pub fn decompress(compressed: &[u8]) -> Option<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(compressed).ok()?.filter(|size| *size <= LARGEST)?;
    zstd::bulk::decompress(compressed, usize::try_from(size).ok()?).ok()
}
