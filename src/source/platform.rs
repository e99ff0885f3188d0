//! Recognizes the platform of a machine, so that a request with a link-local address does not go to another platform's
//! service (docs/datasources.md).

use super::{Context, files, proc_cmdline};

/// The keys of the kernel command line whose value is the ID of the platform.
const ID_KEYS: [&str; 3] = ["flatcar.oem.id", "coreos.oem.id", "ignition.platform.id"];

/// The values that the firmware gives a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dmi {
    /// The vendor of the machine.
    Vendor,
    /// The name of the product.
    Product,
    /// The asset tag of the chassis.
    AssetTag,
}

impl Dmi {
    const ALL: [Self; 3] = [Self::Vendor, Self::Product, Self::AssetTag];

    /// The name of its file.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Vendor => "sys_vendor",
            Self::Product => "product_name",
            Self::AssetTag => "chassis_asset_tag",
        }
    }
}

/// A platform with a metadata service.
pub struct Platform {
    /// The name of the platform in messages.
    pub name: &'static str,
    /// The base URLs of the service. A service at another URL is requested on every machine.
    pub bases: &'static [&'static str],
    /// The values that its machines have; one of them is enough. A value with `*` at its end is a prefix.
    pub dmi: &'static [(Dmi, &'static str)],
    /// The values of the platform ID on the kernel command line. Each can also be a word of its own.
    pub ids: &'static [&'static str],
}

impl Platform {
    /// Returns the reason not to request the service at `base`; `None` if it may be requested.
    pub fn mismatch(&self, base: &str, cx: &Context<'_>) -> Option<String> {
        if cx.setup.ignore_platform || !self.bases.contains(&&*without_zone(base)) || self.fits(cx) {
            return None;
        }
        Some(format!("the machine is not on {}; not requested (--ignore-platform requests it anyway)", self.name))
    }

    /// Returns true if the machine is on this platform, or if its platform is unknown.
    fn fits(&self, cx: &Context<'_>) -> bool {
        let read = |path: &std::path::Path| {
            let bytes = files::read_part(path, cx).ok().flatten()?;
            Some(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        let words = proc_cmdline::words(&read(&cx.setup.places.cmdline).unwrap_or_default());
        let id =
            |word: &str| word.split_once('=').filter(|(key, _)| ID_KEYS.contains(key)).map(|(_, id)| id.to_owned());
        let ids: Vec<_> = words.iter().filter_map(|word| id(word)).collect();
        if words.iter().chain(&ids).any(|word| self.ids.contains(&word.as_str())) {
            return true;
        }
        let values = Dmi::ALL.map(|key| (key, read(&cx.setup.places.dmi.join(key.file()))));
        if values.iter().all(|(_, value)| value.is_none()) {
            return ids.is_empty();
        }
        let has = |(key, pattern): &(Dmi, &str)| {
            let value = values.iter().find(|(found, _)| found == key).and_then(|(_, value)| value.as_deref());
            value.is_some_and(|value| match pattern.strip_suffix('*') {
                Some(prefix) => value.starts_with(prefix),
                None => value == *pattern,
            })
        };
        self.dmi.iter().any(has)
    }
}

/// `http://[fe80::1%25eth0]/` without the interface.
fn without_zone(base: &str) -> String {
    match base.split_once('%') {
        Some((head, rest)) => format!("{head}{}", rest.trim_start_matches(|c| c != ']')),
        None => base.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::deadline::Deadline;
    use crate::source::{Places, Policy, Setup};

    const BASE: &str = "http://169.254.169.254/";
    const NIMBUS: Platform = Platform {
        name: "Nimbus",
        bases: &[BASE, "http://[fe80::a9fe:a9fe]/"],
        dmi: &[(Dmi::Vendor, "Nimbus"), (Dmi::Product, "Nimbus Cloud*"), (Dmi::AssetTag, "1234")],
        ids: &["nimbus"],
    };

    /// The setup of a machine with these files below `/sys/class/dmi/id`, and this kernel command line.
    fn machine(dmi: &[(&str, &str)], cmdline: &str) -> (tempfile::TempDir, Setup) {
        let root = tempfile::tempdir().unwrap();
        let places = Places::beneath(root.path());
        fs::create_dir_all(root.path().join("proc")).unwrap();
        fs::write(&places.cmdline, cmdline).unwrap();
        for (name, value) in dmi {
            fs::create_dir_all(&places.dmi).unwrap();
            fs::write(places.dmi.join(name), format!("{value}\n")).unwrap();
        }
        let deadline = Deadline::after(Duration::from_secs(20));
        (root, Setup { places, ..Setup::new(Policy::default(), deadline) })
    }

    fn is_requested(base: &str, setup: &Setup) -> bool {
        NIMBUS.mismatch(base, &Context { setup, stop: &|| false }).is_none()
    }

    #[test]
    fn a_service_is_requested_on_machines_of_its_platform() {
        let other = [("sys_vendor", "QEMU"), ("product_name", "Standard PC"), ("chassis_asset_tag", "")];
        for (dmi, cmdline, wanted) in [
            (&other[..], "quiet", false),
            (&[("sys_vendor", "Nimbus")], "quiet", true),
            (&[("sys_vendor", "Nimbus Inc")], "", false),
            (&[("sys_vendor", "QEMU"), ("product_name", "Nimbus Cloud 2")], "", true),
            (&[("product_name", "My Nimbus Cloud")], "", false),
            (&[("chassis_asset_tag", "1234")], "", true),
            (&[("sys_vendor", "1234")], "", false),
            (&[("sys_vendor", "Nimbus")], "ignition.platform.id=metal", true),
            (&other[..], "quiet flatcar.oem.id=nimbus", true),
            (&other[..], "ignition.platform.id=nimbus", true),
            (&other[..], "quiet nimbus", true),
            (&other[..], "other.id=nimbus x-nimbus", false),
            (&[], "", true),
            (&[], "quiet", true),
            (&[], "coreos.oem.id=nimbus", true),
            (&[], "flatcar.oem.id=other", false),
        ] {
            let (_root, setup) = machine(dmi, cmdline);
            assert_eq!(is_requested(BASE, &setup), wanted, "{dmi:?} {cmdline}");
        }
    }

    #[test]
    fn another_url_and_a_flag_request_it_on_every_machine() {
        let (_root, mut setup) = machine(&[("sys_vendor", "QEMU")], "");
        for (base, wanted) in [
            (BASE, false),
            ("http://[fe80::a9fe:a9fe]/", false),
            ("http://[fe80::a9fe:a9fe%25eth0]/", false),
            ("http://[fe80::1%25eth0]/", true),
            ("http://127.0.0.1:8080/", true),
        ] {
            assert_eq!(is_requested(base, &setup), wanted, "{base}");
        }
        setup.ignore_platform = true;
        assert!(is_requested(BASE, &setup));
    }
}
