//! The fields of a cloud-config that may be shown wherever they stand; two sets of tests hold that no other is.

/// The paths of fields, and their names.
pub type Fields = &'static [(&'static str, &'static str)];

/// Names, and values written to world-readable files: messages need them to name items.
pub const SHOWN: Fields = &[
    ("", "hostname"),
    ("coreos.units[]", "name"),
    ("coreos.units[].drop_ins[]", "name"),
    (
        "users[]",
        "name gecos homedir shell primary_group groups coreos_ssh_import_github coreos_ssh_import_github_users",
    ),
    ("write_files[]", "path owner"),
    ("coreos.oem", "id version_id"),
    ("coreos.update", "group"),
];
