//! The flags of a conversion (docs/leaving.md).

use std::ffi::OsString;

use clap::ArgMatches;

use super::{choice, is_set, quoted, text, unknown_value};
use cloud_config::address_tokens::{Address, Addresses};
use cloud_config::convert::model::Variant;
use cloud_config::convert::{PLATFORMS, Platform};

/// The format of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Butane YAML.
    Butane(Variant),
    /// Ignition JSON.
    Ignition,
}

impl Target {
    /// All formats, by their names for `--convert-to`.
    pub(super) const ALL: [(&str, Self); 3] = [
        ("butane", Self::Butane(Variant::Flatcar)),
        ("butane-fcos", Self::Butane(Variant::Fcos)),
        ("ignition", Self::Ignition),
    ];

    /// Returns the Butane variant: the system that the result is for.
    pub const fn variant(self) -> Variant {
        match self {
            Self::Butane(variant) => variant,
            Self::Ignition => Variant::Flatcar,
        }
    }
}

/// The options of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The format.
    pub target: Target,
    /// The platform whose agent has the addresses.
    pub platform: Option<&'static Platform>,
    /// The addresses that replace tokens.
    pub addresses: Addresses,
    /// Keep the order of unit commands.
    pub ordered: bool,
}

impl Conversion {
    /// Returns the options if `--convert-to` is given.
    pub(super) fn requested(matches: &ArgMatches) -> Result<Option<Conversion>, String> {
        let known = Target::ALL.iter().map(|(name, _)| *name);
        let Some(name) = choice(matches, "convert-to", "format", known)? else {
            for flag in ["platform", "addresses"] {
                if matches.contains_id(flag) {
                    return Err(format!("--{flag} takes effect only with --convert-to"));
                }
            }
            if is_set(matches, "ordered") {
                return Err("--ordered takes effect only with --convert-to".to_owned());
            }
            return Ok(None);
        };
        if text(matches, "root").is_some() {
            return Err("--convert-to reads nothing of a machine or a tree and takes no --root".to_owned());
        }
        let target =
            Target::ALL.iter().find(|(known, _)| *known == name).map_or(Target::Ignition, |(_, target)| *target);
        let platform = choice(matches, "platform", "platform", PLATFORMS.iter().map(|platform| platform.name))?;
        let mut addresses = Addresses::default();
        for value in matches.get_many::<OsString>("addresses").into_iter().flatten() {
            let value = value.to_string_lossy();
            let (kind, address) = value.split_once('=').ok_or_else(|| {
                format!("--addresses takes KIND=IP, such as private_ipv4=10.0.0.1, not {}", quoted(&value))
            })?;
            let kinds = Address::ALL.map(Address::token);
            let known = Address::ALL.into_iter().find(|known| known.token() == kind);
            let kind = known.ok_or_else(|| unknown_value("kind", kind, "addresses", &kinds))?;
            if addresses.get(kind).is_some() {
                return Err(format!("--addresses gives two addresses for {}", kind.token()));
            }
            if address.trim().is_empty() || !addresses.insert(kind, address) {
                let family = match kind {
                    Address::PrivateV4 | Address::PublicV4 => "IPv4",
                    Address::PrivateV6 | Address::PublicV6 => "IPv6",
                };
                return Err(format!("invalid value for --addresses: {} is not an {family} address", quoted(address)));
            }
        }
        let platform = platform.and_then(|name| Platform::named(&name));
        Ok(Some(Conversion { target, platform, addresses, ordered: is_set(matches, "ordered") }))
    }
}
