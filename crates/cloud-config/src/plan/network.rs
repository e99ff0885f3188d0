//! Plans the steps for a converted network description (docs/network.md).

use std::path::Path;

use super::planner::{Plan, Planned};
use super::step::{FileSpec, KernelModule, Links, Owner, Rename, Step};
use crate::network::Conversion;
use crate::network::names::{Mac, Name};
use crate::text::secret::Secret;

/// The directory of the converted files, which are written again at every boot.
const DIRECTORY: &str = "/run/systemd/network";

/// Plans a network description. The steps after the files run only if one of the files changed.
pub fn plan_network(conversion: &Conversion) -> Plan {
    let files = conversion.units().into_iter().map(|unit| {
        Step::WriteFile(FileSpec {
            path: Path::new(DIRECTORY).join(unit.name),
            content: Secret::new(unit.content.into_bytes()),
            mode: 0o644,
            owner: Owner::ROOT,
            unit: None,
            needs: None,
        })
    });
    let mut steps: Vec<_> = files.collect();
    if !steps.is_empty() {
        let names: Vec<_> = conversion.to_take_down().into_iter().map(|name| name.as_str().to_owned()).collect();
        let rename = |(mac, name): (Mac, &Name)| Rename { mac: mac.to_string(), name: name.as_str().to_owned() };
        let renames: Vec<_> = conversion.to_rename().into_iter().map(rename).collect();
        if !names.is_empty() || !renames.is_empty() {
            steps.push(Step::TakeDown(Links { names, renames }));
        }
        let module = |module: crate::network::networkd::Module| KernelModule {
            name: module.name.to_owned(),
            options: module.options,
        };
        steps.extend(conversion.modules().into_iter().map(|found| Step::LoadModule(module(found))));
        steps.push(Step::RestartNetworkd);
    }
    let steps = steps.into_iter().map(|step| Planned { step, span: None }).collect();
    Plan { steps, ..Plan::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::debian;

    fn steps(text: &str) -> Vec<String> {
        plan_network(&debian::convert(text.as_bytes())).steps.iter().map(|planned| planned.step.to_string()).collect()
    }

    #[test]
    fn files_come_first_and_networkd_last() {
        let text =
            "iface bond0 inet dhcp\nbond-slaves eth0\nbond-mode 4\niface bond0.7 inet static\naddress 10.0.0.1/8\n";
        let steps = steps(text);
        let files = steps.iter().take_while(|step| step.starts_with("write /run/systemd/network/")).count();
        assert_eq!(files, 5, "{steps:#?}");
        assert_eq!(steps[files], "take down bond0, bond0.7, eth0, if a networkd file changed");
        assert_eq!(steps[files + 1], "load kernel module 8021q, if a networkd file changed");
        assert_eq!(steps[files + 2], "load kernel module bonding (mode=802.3ad), if a networkd file changed");
        assert_eq!(steps[files + 3], "restart systemd-networkd.service, if a networkd file changed");
        assert_eq!(steps.len(), files + 4);
    }

    #[test]
    fn nothing_described_is_nothing_done() {
        assert!(steps("auto lo\niface lo inet loopback\n").is_empty());
    }
}
