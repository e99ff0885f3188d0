//! `write_files` (docs/cloud-config.md#write_files).

use super::value::mapping;
use crate::text::secret::Secret;
use crate::yaml::{Bytes, Field};

mapping! {
    /// A file to write.
    pub struct File {
        /// The absolute path. Missing directories are created with mode 0755 and owner root.
        pub path: Field<String>,
        /// The content: text, or encoded as `encoding` specifies.
        pub content: Field<Secret<Bytes>>,
        /// The mode in octal, such as `"0644"`. Default: `0644`.
        pub permissions: Field<String>,
        /// The owner, as for `chown`: `user`, `user:group`, `:group`, `user:`. Default: `root:root`.
        pub owner: Field<String>,
        /// The encoding of `content`: `base64` (`b64`), `gzip` (`gz`), or both (`gzip+base64`, `gz+b64`, …).
        pub encoding: Field<String>,
    }
}
