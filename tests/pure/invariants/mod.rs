//! What holds for every input, however odd, broken or hostile: one function for each kind of input.
//!
//! The fuzz targets run them on bytes that are made up, `replay` on bytes that are kept, `properties` on
//! documents. They know the program's own interface only, and panic where something does not hold.

pub mod decode;
pub mod mime;
pub mod network;
pub mod networkd;
pub mod permissions;
pub mod plan;
pub mod print;
pub mod secrets;
pub mod shown;
pub mod spans;
pub mod ssh;
pub mod tokens;
pub mod tree;
pub mod user_data;
pub mod yaml;

/// Panics where something does not hold of an input.
pub type Check = fn(&[u8]);

/// The kinds of input by name, which is the name of a fuzz target and of a folder of `tests/inputs`.
pub const TARGETS: &[(&str, Check)] = &[
    ("user_data", user_data::check),
    ("yaml", yaml::check),
    ("mime", mime::check),
    ("tokens", tokens::check),
    ("decode", decode::check),
    ("ssh_keys", ssh::check),
    ("permissions", permissions::check),
    ("interfaces", network::interfaces),
    ("network_json", network::json),
];
