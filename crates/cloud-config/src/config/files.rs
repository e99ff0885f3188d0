//! `write_files` (docs/cloud-config.md#write_files).

use super::value::mapping;
use crate::text::secret::Secret;
use crate::yaml::{Bytes, Field};

mapping! {
    /// A file to write.
    pub struct File {
        /// Where: an absolute path. Missing folders are made (0755, root).
        pub path: Field<String>,
        /// Its content, as text or, with `encoding`, encoded.
        pub content: Field<Secret<Bytes>>,
        /// Its mode, in octal: `"0644"`. Default: `0644`.
        pub permissions: Field<String>,
        /// Whose it is, as `chown` takes it: `user`, `user:group`, `:group`, `user:`. Default: `root:root`.
        pub owner: Field<String>,
        /// How `content` is encoded: `base64` (`b64`), `gzip` (`gz`), or both (`gzip+base64`, `gz+b64`, …).
        pub encoding: Field<String>,
    }
}
