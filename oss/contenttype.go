package oss

import (
	"mime"
	"path"
	"strings"
)

// contentType returns the media type for the extension of key. It has no charset, since an extension does not tell it.
//
// The table is consulted first, so that a common file has the same type on every machine. Package mime reads the tables
// of the system, which minimal container images lack; it is used for extensions that are not in the table.
func contentType(key string) string {
	ext := strings.ToLower(path.Ext(key))
	if t, ok := contentTypes[ext]; ok {
		return t
	}
	t, _, err := mime.ParseMediaType(mime.TypeByExtension(ext))
	if err != nil || t == "" {
		return defaultContentType
	}
	return t
}

const defaultContentType = "application/octet-stream"

// contentTypes are media types by extension: those registered with IANA, else those in common use.
var contentTypes = map[string]string{
	// Text.
	".txt": "text/plain", ".text": "text/plain", ".log": "text/plain", ".conf": "text/plain",
	".ini": "text/plain",
	".md":  "text/markdown", ".markdown": "text/markdown", ".csv": "text/csv",
	".tsv":  "text/tab-separated-values",
	".html": "text/html", ".htm": "text/html", ".css": "text/css", ".xml": "text/xml", ".vtt": "text/vtt",
	".ics": "text/calendar", ".vcf": "text/vcard", ".srt": "application/x-subrip", ".rtf": "application/rtf",

	// Programs and data.
	".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".map": "application/json",
	".jsonl": "application/jsonl", ".ndjson": "application/x-ndjson", ".geojson": "application/geo+json",
	".yaml": "application/yaml", ".yml": "application/yaml", ".toml": "application/toml",
	".sql": "application/sql",
	".sh":  "application/x-sh", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json",
	".xhtml": "application/xhtml+xml", ".rss": "application/rss+xml", ".atom": "application/atom+xml",
	".parquet": "application/vnd.apache.parquet", ".sqlite": "application/vnd.sqlite3",
	".bin": "application/octet-stream",

	// Documents.
	".pdf": "application/pdf", ".epub": "application/epub+zip", ".ps": "application/postscript",
	".eps": "application/postscript",
	".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".odp": "application/vnd.oasis.opendocument.presentation",

	// Archives and packages.
	".zip": "application/zip", ".gz": "application/gzip", ".tgz": "application/gzip",
	".tar": "application/x-tar",
	".bz2": "application/x-bzip2", ".xz": "application/x-xz", ".zst": "application/zstd",
	".br": "application/x-brotli",
	".7z": "application/x-7z-compressed", ".rar": "application/vnd.rar", ".jar": "application/java-archive",
	".apk": "application/vnd.android.package-archive", ".ipa": "application/octet-stream",
	".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm",
	".iso": "application/x-iso9660-image",
	".dmg": "application/x-apple-diskimage", ".exe": "application/vnd.microsoft.portable-executable",
	".msi": "application/x-msi",

	// Images.
	".png": "image/png", ".apng": "image/apng", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".jfif": "image/jpeg",
	".gif":  "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".heic": "image/heic",
	".heif": "image/heif",
	".bmp":  "image/bmp", ".ico": "image/vnd.microsoft.icon", ".svg": "image/svg+xml", ".tif": "image/tiff",
	".tiff": "image/tiff",
	".jxl":  "image/jxl", ".psd": "image/vnd.adobe.photoshop",

	// Sound.
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".flac": "audio/flac", ".wav": "audio/wav",
	".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".amr": "audio/amr", ".weba": "audio/webm",
	".mid": "audio/midi", ".midi": "audio/midi", ".wma": "audio/x-ms-wma", ".aif": "audio/aiff",
	".aiff": "audio/aiff",

	// Video.
	".mp4": "video/mp4", ".m4v": "video/mp4", ".m4s": "video/iso.segment", ".mov": "video/quicktime",
	".webm": "video/webm",
	".mkv":  "video/matroska", ".avi": "video/x-msvideo", ".wmv": "video/x-ms-wmv", ".flv": "video/x-flv",
	".mpeg": "video/mpeg", ".mpg": "video/mpeg", ".ogv": "video/ogg", ".3gp": "video/3gpp",
	".3g2": "video/3gpp2",
	".ts":  "video/mp2t", ".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml",

	// Fonts and models.
	".ttf": "font/ttf", ".otf": "font/otf", ".ttc": "font/collection", ".woff": "font/woff",
	".woff2": "font/woff2",
	".eot":   "application/vnd.ms-fontobject", ".glb": "model/gltf-binary", ".gltf": "model/gltf+json",
	".stl": "model/stl",
	".obj": "model/obj", ".usdz": "model/vnd.usdz+zip",
}
