//! The type of a file's content by the ending of its name, as Python's `mimetypes` knows it without any table of the
//! host's.

/// The types and the endings that have them.
const TYPES: &[(&str, &[&str])] = &[
    ("application/epub+zip", &["epub"]),
    ("application/gzip", &["gz"]),
    ("application/json", &["json"]),
    ("application/manifest+json", &["webmanifest"]),
    ("application/msword", &["doc", "dot", "wiz"]),
    ("application/n-quads", &["nq"]),
    ("application/n-triples", &["nt"]),
    ("application/octet-stream", &["bin", "a", "dll", "exe", "o", "obj", "so"]),
    ("application/oda", &["oda"]),
    ("application/ogg", &["ogx"]),
    ("application/pdf", &["pdf"]),
    ("application/pkcs7-mime", &["p7c"]),
    ("application/postscript", &["ps", "ai", "eps"]),
    ("application/trig", &["trig"]),
    ("application/vnd.apple.mpegurl", &["m3u", "m3u8"]),
    ("application/vnd.ms-excel", &["xls", "xlb"]),
    ("application/vnd.ms-fontobject", &["eot"]),
    ("application/vnd.ms-powerpoint", &["ppt", "pot", "ppa", "pps", "pwz"]),
    ("application/vnd.oasis.opendocument.graphics", &["odg"]),
    ("application/vnd.oasis.opendocument.presentation", &["odp"]),
    ("application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    ("application/vnd.oasis.opendocument.text", &["odt"]),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"]),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"]),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"]),
    ("application/vnd.rar", &["rar"]),
    ("application/wasm", &["wasm"]),
    ("application/x-7z-compressed", &["7z"]),
    ("application/x-bcpio", &["bcpio"]),
    ("application/x-cpio", &["cpio"]),
    ("application/x-csh", &["csh"]),
    ("application/x-debian-package", &["deb"]),
    ("application/x-dvi", &["dvi"]),
    ("application/x-gtar", &["gtar"]),
    ("application/x-hdf", &["hdf"]),
    ("application/x-hdf5", &["h5"]),
    ("application/x-httpd-php", &["php"]),
    ("application/x-latex", &["latex"]),
    ("application/x-mif", &["mif"]),
    ("application/x-netcdf", &["cdf", "nc"]),
    ("application/x-pkcs12", &["p12", "pfx"]),
    ("application/x-pn-realaudio", &["ram"]),
    ("application/x-python-code", &["pyc", "pyo"]),
    ("application/x-rpm", &["rpm"]),
    ("application/x-sh", &["sh"]),
    ("application/x-shar", &["shar"]),
    ("application/x-shockwave-flash", &["swf"]),
    ("application/x-sv4cpio", &["sv4cpio"]),
    ("application/x-sv4crc", &["sv4crc"]),
    ("application/x-tar", &["tar"]),
    ("application/x-tcl", &["tcl"]),
    ("application/x-tex", &["tex"]),
    ("application/x-texinfo", &["texi", "texinfo"]),
    ("application/x-troff", &["roff", "t", "tr"]),
    ("application/x-troff-man", &["man"]),
    ("application/x-troff-me", &["me"]),
    ("application/x-troff-ms", &["ms"]),
    ("application/x-ustar", &["ustar"]),
    ("application/x-wais-source", &["src"]),
    ("application/xml", &["xsl", "rdf", "wsdl", "xpdl"]),
    ("application/yaml", &["yaml", "yml"]),
    ("application/zip", &["zip"]),
    ("audio/3gpp", &["3gp", "3gpp"]),
    ("audio/3gpp2", &["3g2", "3gpp2"]),
    ("audio/aac", &["aac", "adts", "loas", "ass"]),
    ("audio/basic", &["au", "snd"]),
    ("audio/flac", &["flac"]),
    ("audio/matroska", &["mka"]),
    ("audio/mp4", &["m4a"]),
    ("audio/mpeg", &["mp3", "mp2"]),
    ("audio/ogg", &["ogg"]),
    ("audio/opus", &["opus"]),
    ("audio/vnd.wave", &["wav"]),
    ("audio/webm", &["weba"]),
    ("audio/x-aiff", &["aif", "aifc", "aiff"]),
    ("audio/x-pn-realaudio", &["ra"]),
    ("font/otf", &["otf"]),
    ("font/ttf", &["ttf"]),
    ("font/woff", &["woff"]),
    ("font/woff2", &["woff2"]),
    ("image/avif", &["avif"]),
    ("image/bmp", &["bmp"]),
    ("image/emf", &["emf"]),
    ("image/fits", &["fits"]),
    ("image/g3fax", &["g3"]),
    ("image/gif", &["gif"]),
    ("image/heic", &["heic"]),
    ("image/heif", &["heif"]),
    ("image/ief", &["ief"]),
    ("image/jp2", &["jp2"]),
    ("image/jpeg", &["jpg", "jpe", "jpeg"]),
    ("image/jpm", &["jpm"]),
    ("image/jpx", &["jpx"]),
    ("image/png", &["png"]),
    ("image/svg+xml", &["svg"]),
    ("image/t38", &["t38"]),
    ("image/tiff", &["tiff", "tif"]),
    ("image/tiff-fx", &["tfx"]),
    ("image/vnd.microsoft.icon", &["ico"]),
    ("image/webp", &["webp"]),
    ("image/wmf", &["wmf"]),
    ("image/x-cmu-raster", &["ras"]),
    ("image/x-portable-anymap", &["pnm"]),
    ("image/x-portable-bitmap", &["pbm"]),
    ("image/x-portable-graymap", &["pgm"]),
    ("image/x-portable-pixmap", &["ppm"]),
    ("image/x-rgb", &["rgb"]),
    ("image/x-xbitmap", &["xbm"]),
    ("image/x-xpixmap", &["xpm"]),
    ("image/x-xwindowdump", &["xwd"]),
    ("message/rfc822", &["eml", "mht", "mhtml", "nws"]),
    ("model/gltf+json", &["gltf"]),
    ("model/gltf-binary", &["glb"]),
    ("model/stl", &["stl"]),
    ("text/css", &["css"]),
    ("text/csv", &["csv"]),
    ("text/html", &["html", "htm"]),
    ("text/javascript", &["js", "mjs"]),
    ("text/markdown", &["md", "markdown"]),
    ("text/n3", &["n3"]),
    ("text/plain", &["txt", "bat", "c", "h", "ksh", "pl", "srt"]),
    ("text/richtext", &["rtx"]),
    ("text/rtf", &["rtf"]),
    ("text/tab-separated-values", &["tsv"]),
    ("text/vtt", &["vtt"]),
    ("text/x-python", &["py"]),
    ("text/x-rst", &["rst"]),
    ("text/x-setext", &["etx"]),
    ("text/x-sgml", &["sgm", "sgml"]),
    ("text/x-vcard", &["vcf"]),
    ("text/xml", &["xml"]),
    ("video/matroska", &["mkv"]),
    ("video/matroska-3d", &["mk3d"]),
    ("video/mp4", &["mp4"]),
    ("video/mpeg", &["mpeg", "m1v", "mpa", "mpe", "mpg"]),
    ("video/ogg", &["ogv"]),
    ("video/quicktime", &["mov", "qt"]),
    ("video/vnd.avi", &["avi"]),
    ("video/webm", &["webm"]),
    ("video/x-m4v", &["m4v"]),
    ("video/x-ms-wmv", &["wmv"]),
    ("video/x-sgi-movie", &["movie"]),
];

/// Endings that stand for two: what is left without the second is the first's type.
const PACKED: [(&str, &str); 6] = [
    ("svgz", "svg.gz"),
    ("tgz", "tar.gz"),
    ("taz", "tar.gz"),
    ("tz", "tar.gz"),
    ("tbz2", "tar.bz2"),
    ("txz", "tar.xz"),
];

/// Endings that say how a file is packed, not what it is.
const ENCODINGS: [&str; 5] = ["gz", "Z", "bz2", "xz", "br"];

/// The type of the file at `path`, if its ending tells.
pub fn of(path: &str) -> Option<&'static str> {
    let (mut base, mut ending) = split(path);
    let unpacked;
    if let Some((_, two)) = PACKED.iter().find(|(one, _)| ending.eq_ignore_ascii_case(one)) {
        unpacked = format!("{base}.{two}");
        (base, ending) = split(&unpacked);
    }
    if ENCODINGS.contains(&ending) {
        ending = split(base).1;
    }
    let ending = ending.to_lowercase();
    TYPES.iter().find(|(_, endings)| endings.contains(&ending.as_str())).map(|(kind, _)| *kind)
}

/// A path without its ending, and that. Dots in front of a name begin no ending.
fn split(path: &str) -> (&str, &str) {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((stem, ending)) if stem.contains(|c| c != '.') => {
            (&path[..path.len() - ending.len() - 1], ending)
        }
        _ => (path, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    /// The types are those that the official CLI 2.38.5 sent for files of these names.
    #[test]
    fn types_are_told_by_endings() {
        for (path, kind) in [
            ("/a.html", Some("text/html")),
            ("/d/A.JPG", Some("image/jpeg")),
            ("/a.tar.gz", Some("application/x-tar")),
            ("/x.tgz", Some("application/x-tar")),
            ("/a.svgz", Some("image/svg+xml")),
            ("/a.b.css", Some("text/css")),
            ("/a.md", Some("text/markdown")),
            ("/a.mjs", Some("text/javascript")),
            ("/a.Z", None),
            ("/a.bz2", None),
            ("/a.unknown", None),
            ("/a", None),
            ("/.txt", None),
            ("/..txt", None),
            ("/a.d/b", None),
            ("", None),
        ] {
            assert_eq!(of(path), kind, "{path}");
        }
    }
}
