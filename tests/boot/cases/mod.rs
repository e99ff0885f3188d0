//! The cases, by the source of the user-data. A boot takes half a minute, so one case checks many things.

mod broken;
mod customized;
mod drives;
mod network;
mod nocloud;
mod oem;
mod order;
mod package;
mod power;
mod selinux;
mod sysext;

use crate::testbed::Suite;

/// The units, by their sources.
const IMAGE: &str = "system-cloudinit@usr-share-oem-cloud\\x2dconfig.yml.service";
const INSTALLED: &str = "user-cloudinit@var-lib-coreos\\x2dinstall-user_data.service";
const CMDLINE: &str = "user-cloudinit-proc-cmdline.service";
const DRIVE: &str = "user-configdrive.service";
const NOCLOUD: &str = "user-nocloud.service";
const NOCLOUD_SEED: &str = "user-nocloud-seed.service";
/// Runs the program again, in the image's own configurations.
const INNER: &str = "oem-cloudinit.service";

/// The place where an installer puts the user's file.
const USER_DATA: &str = "/var/lib/coreos-install/user_data";

pub fn all(suite: &mut Suite) {
    suite.group("oem", oem::cases);
    suite.group("drives", drives::cases);
    suite.group("nocloud", nocloud::cases);
    suite.group("network", network::cases);
    suite.group("broken", broken::cases);
    suite.group("package", package::cases);
    suite.group("power", power::cases);
    suite.group("selinux", selinux::cases);
    suite.group("sysext", sysext::cases);
    suite.group("customized", customized::cases);
}
