complete -c coreos-cloudinit -l from-file -d 'Read user-data from a file' -r
complete -c coreos-cloudinit -l from-url -d 'Fetch user-data over HTTP(S)' -r
complete -c coreos-cloudinit -l from-configdrive -d 'Read an OpenStack config drive' -r
complete -c coreos-cloudinit -l from-ec2-metadata -d 'Ask EC2\'s metadata service' -r
complete -c coreos-cloudinit -l from-gce-metadata -d 'Ask the metadata service of GCE' -r
complete -c coreos-cloudinit -l from-digitalocean-metadata -d 'Ask DigitalOcean\'s metadata service' -r
complete -c coreos-cloudinit -l from-packet-metadata -d 'Ask Packet\'s metadata service' -r
complete -c coreos-cloudinit -l from-waagent -d 'Read the folder of the Azure agent' -r
complete -c coreos-cloudinit -l from-vmware-ovf-env -d 'Read an OVF environment document' -r
complete -c coreos-cloudinit -l oem -d 'Set the flags of a platform' -r
complete -c coreos-cloudinit -l convert-netconf -d 'Set the network up as the source says' -r
complete -c coreos-cloudinit -l workspace -d 'Keep scripts in DIR' -r
complete -c coreos-cloudinit -l ssh-key-name -d 'Name of the set of SSH keys' -r
complete -c coreos-cloudinit -l root -d 'Apply to the tree in DIR instead of /' -r
complete -c coreos-cloudinit -l job-timeout -d 'Longest wait for one unit job [default: 300]' -r
complete -c coreos-cloudinit -l deadline -d 'Longest wait for everything [default: 540]' -r
complete -c coreos-cloudinit -l explain -d 'Explain a rule of the findings' -r
complete -c coreos-cloudinit -l format -d 'Print as text or as json [default: text]' -r
complete -c coreos-cloudinit -l from-metadata-service -d 'Deprecated: EC2\'s at its usual address'
complete -c coreos-cloudinit -l from-cloudsigma-metadata -d 'Read CloudSigma\'s server context'
complete -c coreos-cloudinit -l from-vmware-guestinfo -d 'Read VMware\'s guest variables'
complete -c coreos-cloudinit -l from-proc-cmdline -d 'Fetch the kernel\'s cloud-config-url'
complete -c coreos-cloudinit -l ignore-failure -d 'Exit with 0 in spite of failures'
complete -c coreos-cloudinit -l strict -d 'Apply all of a part, or nothing of it'
complete -c coreos-cloudinit -l short-hostname -d 'Cut host names at the first dot'
complete -c coreos-cloudinit -l validate -d 'Report what is wrong with the user-data'
complete -c coreos-cloudinit -l dry-run -d 'Print what would be done'
complete -c coreos-cloudinit -l print-config -d 'Print the configuration as it is understood'
complete -c coreos-cloudinit -l schema -d 'Print a JSON Schema of the cloud-config, for editors'
complete -c coreos-cloudinit -l status -d 'Show what the runs since the boot did'
complete -c coreos-cloudinit -l show-secrets -d 'With --print-config: print secrets, too'
complete -c coreos-cloudinit -l show-diff -d 'With --dry-run: print changed lines of files'
complete -c coreos-cloudinit -s v -d 'More in the log'
complete -c coreos-cloudinit -s q -d 'Less in the log'
complete -c coreos-cloudinit -l version -d 'Print the version'
complete -c coreos-cloudinit -s h -l help -d 'Print help (see more with \'--help\')'
