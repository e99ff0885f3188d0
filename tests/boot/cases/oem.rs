//! What the image's maker put into it, and what an installer left beside it.

use crate::testbed::Suite;
use crate::testbed::vm::Setup;

const OEM: &str = "#cloud-config\nhostname: oem\n";

pub fn cases(suite: &mut Suite) {
    suite.vm("alone", Setup::default().oem(OEM), |vm| {
        eprintln!("{}", vm.run("systemd-analyze; systemd-analyze critical-chain; systemd-analyze critical-chain system-config.target user-config.target;systemd-analyze blame; systemctl --failed; journalctl -b; mount; ls -la /usr/share/oem; lsmod").stdout);
        assert_eq!(vm.sh("hostname"), "oem");
    });
}
