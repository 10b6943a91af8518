"""A disk that remembers what has not been synced, so that its power can be cut.

Each file and each directory keeps a durable state (what its last sync promised) and what has
happened since. After a cut
  - each 512-byte sector of a file holds what any of the unsynced writes to it left, or what it
    held before them: zeros, where the file was shorter;
  - a file's size and a directory's entries hold any prefix of their unsynced changes, each file's
    and each directory's for itself. fdatasync covers a file's bytes and size, never its name.
    A rename between two directories is in both or in neither.
Less than this is promised by no journalling filesystem in common use; most promise more (one
journal, whose prefixes are among these states; sizes that follow the data).
"""
SECTOR = 512
PAGE = 4096


class File:
    def __init__(self, content=b""):
        self.live = bytearray(content)
        self.synced = bytes(content)
        self.versions = {}  # sector: [(when, its 512 bytes, whether a truncation freed it)]
        self.sizes = []     # [(when, size)]

    def write(self, when, offset, data):
        end = offset + len(data)
        if len(self.live) < end:
            self.live.extend(bytes(end - len(self.live)))
            self.sizes.append((when, end))
        self.live[offset:end] = data
        self._touch(when, offset, end)

    def truncate(self, when, size):
        old = len(self.live)
        if size == old:
            return
        if size < old:
            # The rest of the page is zeroed; what lies beyond it belongs to the file no more.
            page_end = -(-size // PAGE) * PAGE
            self.live[size:] = bytes(old - size)
            self._touch(when, size, min(old, page_end))
            self._touch(when, page_end, old, freed=True)
            del self.live[size:]
        else:
            self.live.extend(bytes(size - old))
        self.sizes.append((when, size))

    def _touch(self, when, start, end, freed=False):
        for sector in range(start // SECTOR, -(-end // SECTOR)):
            data = bytes(self.live[sector * SECTOR:(sector + 1) * SECTOR]).ljust(SECTOR, b"\0")
            self.versions.setdefault(sector, []).append((when, data, freed))

    def sync(self):
        self.synced = bytes(self.live)
        self.versions.clear()
        self.sizes.clear()

    def is_synced(self):
        return not self.versions and not self.sizes

    def size_changed_at(self, size_changes):
        return self.sizes[size_changes - 1][0] if size_changes else -1

    def choices(self, sector, size_changes):
        """How few and how many of a sector's unsynced versions may be in force."""
        sized_at = self.size_changed_at(size_changes)
        least, versions = 0, self.versions[sector]
        for count, (when, _, freed) in enumerate(versions, 1):
            if freed and when <= sized_at:
                least = count
            elif freed:
                return least, count - 1
        return least, len(versions)

    def after_cut(self, size_changes, counts):
        """`counts`: sector -> how many of its unsynced versions; a sector left out keeps none."""
        size = self.sizes[size_changes - 1][1] if size_changes else len(self.synced)
        content = bytearray(self.synced.ljust(size, b"\0"))
        for sector, count in counts.items():
            data = self.versions[sector][count - 1][1] if count else None
            at = sector * SECTOR
            if data and at < size:
                content[at:at + SECTOR] = data
        del content[size:]
        return bytes(content)


class Directory:
    def __init__(self, parent):
        self.parent = parent
        self.live = {}    # name: node
        self.synced = {}
        self.changes = []  # [(when, {name: node or None})]

    def set(self, when, entries):
        self.changes.append((when, entries))
        self.live = self._with(self.live, entries)

    @staticmethod
    def _with(old, entries):
        return {name: node for name, node in (old | entries).items() if node is not None}

    def sync(self):
        self.synced = dict(self.live)
        self.changes.clear()

    def sync_up_to(self, when):
        self.synced = self.after_cut(sum(change[0] <= when for change in self.changes))
        self.changes = [change for change in self.changes if change[0] > when]

    def is_synced(self):
        return not self.changes

    def after_cut(self, changes):
        entries = self.synced
        for _, change in self.changes[:changes]:
            entries = self._with(entries, change)
        return entries


class Disk:
    """The tree below one directory, which is durable itself."""

    def __init__(self):
        self.root = Directory(None)
        self.nodes = [self.root]
        self.renames = {}  # when: the two directories
        self.now = 0

    def load(self, tree):
        """Begins with `tree`, {path: (content, number of its inode)}, all of it durable."""
        inodes = {}
        for path, (content, inode) in tree.items():
            *parents, name = path.split("/")
            at = self.root
            for parent in parents:
                at = at.live.get(parent) or self.mkdir(at, parent)
            if content is None:
                self.mkdir(at, name)
                continue
            if inode not in inodes:
                inodes[inode] = File(content)
                self.nodes.append(inodes[inode])
            at.set(self.now, {name: inodes[inode]})
        for node in self.nodes:
            node.sync()

    def _add(self, node):
        self.nodes.append(node)
        return node

    def mkdir(self, parent, name):
        node = self._add(Directory(parent))
        parent.set(self.now, {name: node})
        return node

    def create(self, parent, name):
        node = self._add(File())
        parent.set(self.now, {name: node})
        return node

    def rename(self, old_parent, old, new_parent, new):
        node = old_parent.live[old]
        if old_parent is new_parent:
            old_parent.set(self.now, {new: node, old: None})
            return
        new_parent.set(self.now, {new: node})
        old_parent.set(self.now, {old: None})
        self.renames[self.now] = (old_parent, new_parent)

    def sync(self, node):
        for when, pair in list(self.renames.items()):
            if node in pair:
                for directory in pair:
                    directory.sync_up_to(when)
                del self.renames[when]
        node.sync()

    def unsynced(self):
        return [node for node in self.nodes if not node.is_synced()]

    def walk(self, entries_of=lambda directory: directory.live):
        """(path, node) of everything that can be reached."""
        def below(directory, prefix):
            for name, node in sorted(entries_of(directory).items()):
                yield prefix + name, node
                if isinstance(node, Directory):
                    yield from below(node, prefix + name + "/")
        return below(self.root, "")
