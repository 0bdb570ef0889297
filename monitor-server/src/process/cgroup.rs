//! The limit of memory of the control group that this process is in: a container's.
//!
//! Of cgroup v2 alone (Linux `Documentation/admin-guide/cgroup-v2.rst`), which Kubernetes and Docker use where the system has it. The
//! limits of the groups above hold too, so the least of all is given. The limit of CPU is in
//! [`available_parallelism`](std::thread::available_parallelism) already.

use std::path::Path;

use super::text;

/// Where the groups are.
const GROUPS: &str = "/sys/fs/cgroup";

/// The most bytes that the process may take; `None` without a limit, or where none can be read.
pub(crate) fn memory_limit() -> Option<u64> {
    let groups = text(Path::new(super::OF_THIS_PROCESS?), "cgroup");
    memory_limit_of(&groups, Path::new(GROUPS))
}

/// The same of a process whose `/proc/<pid>/cgroup` this is.
fn memory_limit_of(groups: &str, root: &Path) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // A group of another namespace is above the root.
    if group.split('/').any(|part| part == "..") {
        return None;
    }
    let group = root.join(group);
    let within = group
        .ancestors()
        .take_while(|group| group.starts_with(root));
    let limits = within.filter_map(|group| text(group, "memory.max").trim().parse().ok());
    limits.min()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::test_folder::Folder;

    #[test]
    fn the_least_limit_of_the_groups_above_holds() {
        let folder = Folder::new();
        let root = &folder.0;
        let group = root.join("pods.slice/pod/container");
        fs::create_dir_all(&group).expect("folders");
        let write =
            |path: &Path, limit: &str| fs::write(path.join("memory.max"), limit).expect("a file");
        let limit = |groups: &str| memory_limit_of(groups, root);
        let own = "1:name=systemd:/x\n0::/pods.slice/pod/container\n";
        assert_eq!(limit(own), None);
        write(&group, "max\n");
        assert_eq!(limit(own), None);
        write(&root.join("pods.slice/pod"), "536870912\n");
        write(&root.join("pods.slice"), "1073741824\n");
        assert_eq!(limit(own), Some(512 << 20));
        write(&group, "1000\n");
        assert_eq!(limit(own), Some(1000));
        // As in a container, whose group is the root.
        assert_eq!(limit("0::/\n"), None);
        write(root, "2000\n");
        assert_eq!(limit("0::/\n"), Some(2000));
        for odd in ["", "0::", "0::/../../x\n", "4:memory:/x\n"] {
            assert_eq!(limit(odd), None, "{odd:?}");
        }
    }
}
