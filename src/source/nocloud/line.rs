//! The parameter `ds=nocloud;KEY=VALUE;…` on the kernel command line and in the serial number of the machine (DMI).

use super::super::{Context, files, proc_cmdline};

/// The names of machine data in a seed, `__dmi.NAME__`, and the files of the kernel that have it.
const DMI: [(&str, &str); 17] = [
    ("baseboard-asset-tag", "board_asset_tag"),
    ("baseboard-manufacturer", "board_vendor"),
    ("baseboard-product-name", "board_name"),
    ("baseboard-serial-number", "board_serial"),
    ("baseboard-version", "board_version"),
    ("bios-release-date", "bios_date"),
    ("bios-vendor", "bios_vendor"),
    ("bios-version", "bios_version"),
    ("chassis-asset-tag", "chassis_asset_tag"),
    ("chassis-manufacturer", "chassis_vendor"),
    ("chassis-serial-number", "chassis_serial"),
    ("chassis-version", "chassis_version"),
    ("system-manufacturer", "sys_vendor"),
    ("system-product-name", "product_name"),
    ("system-serial-number", "product_serial"),
    ("system-uuid", "product_uuid"),
    ("system-version", "product_version"),
];

/// The values of the parameter.
#[derive(Default, Debug, PartialEq, Eq)]
pub struct Line {
    /// The URL or the path of the seed: `s=` or `seedfrom=`.
    pub seed: Option<String>,
    /// The host name: `h=` or `local-hostname=`.
    pub hostname: Option<String>,
}

impl Line {
    /// Reads the values of the machine. Those of the kernel command line replace those of the serial number.
    pub fn read(cx: &Context<'_>) -> Self {
        let places = &cx.setup.places;
        let mut line = Self::default();
        for path in [&places.dmi.join("product_serial"), &places.cmdline] {
            // A machine may have no serial number.
            if let Ok(Some(text)) = files::read_part(path, cx) {
                line.take(&String::from_utf8_lossy(&text));
            }
        }
        line.seed = line.seed.map(|seed| with_dmi(&seed, cx));
        line
    }

    fn take(&mut self, text: &str) {
        for word in proc_cmdline::words(text) {
            let mut parts = word.split(';');
            if !matches!(parts.next(), Some("ds=nocloud" | "ds=nocloud-net")) {
                continue;
            }
            for (key, value) in parts.filter_map(|part| part.split_once('=')) {
                let value = (!value.is_empty()).then(|| value.to_owned());
                match key {
                    "s" | "seedfrom" => self.seed = value,
                    "h" | "local-hostname" => self.hostname = value,
                    // The program has no use for `i`, the instance id.
                    _ => {}
                }
            }
        }
    }
}

/// Replaces each `__dmi.NAME__`.
fn with_dmi(seed: &str, cx: &Context<'_>) -> String {
    let mut seed = seed.to_owned();
    for (name, file) in DMI {
        let variable = format!("__dmi.{name}__");
        if seed.contains(&variable) {
            let value = files::read_part(&cx.setup.places.dmi.join(file), cx).ok().flatten().unwrap_or_default();
            seed = seed.replace(&variable, String::from_utf8_lossy(&value).trim());
        }
    }
    seed
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn the_parameter_is_read_in_each_form() {
        for (text, seed, hostname) in [
            ("ro ds=nocloud;s=http://a/;h=web;i=1 quiet", Some("http://a/"), Some("web")),
            ("ds=nocloud-net;seedfrom=/a/;local-hostname=web\n", Some("/a/"), Some("web")),
            ("ds=nocloud", None, None),
            ("ds=nocloudx;s=/a", None, None),
            ("ds=openstack;s=/a", None, None),
            ("xds=nocloud;s=/a", None, None),
            ("ds=nocloud;s=/a;s=", None, None),
            ("ds=nocloud;s=/a ds=nocloud;h=b", Some("/a"), Some("b")),
            ("\"ds=nocloud;s=/a b\"", Some("/a b"), None),
            ("ds=nocloud;s=http://a/?x=y;h", Some("http://a/?x=y"), None),
        ] {
            let mut line = Line::default();
            line.take(text);
            let wanted = Line { seed: seed.map(str::to_owned), hostname: hostname.map(str::to_owned) };
            assert_eq!(line, wanted, "{text}");
        }
    }
}
