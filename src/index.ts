/**
 * ringvol as a library: export a volume from your own program, with a backend of your own or one of ringvol's.
 */
export { checked, type CheckedBackend } from './backend/checked.js'
export type { Backend, BackingFile, Capabilities, Extent, Layer } from './backend/backend.js'
export { describeSource, openSource, type OpenSourceOptions, type SourceDescription } from './backend/source.js'
export { AroundLayer, ForwardLayer, type Operation } from './layer/forward.js'
export { WriteLog, type LogEntry } from './layer/record/reader.js'
export { replayLog, type ReplayOptions } from './layer/record/replay.js'
export { errorCodes, RingvolError, type ErrorCode, type ErrorDetails } from './errors.js'
export { createLogger, type Logger, type LogFormat, type LogLevel, type LogOptions } from './log.js'
export { transportNames, type TransportName } from './transport/transport.js'
export { formatSize, parseSize } from './units.js'
export {
  exportVolume,
  type Pending,
  type Volume,
  type VolumeCounters,
  type VolumeOptions,
  type VolumeStatus,
} from './volume.js'
export { listVolumes, volumeInfo, type ListedVolume, type VolumeInfo } from './host/list.js'
export { examine, type Finding, type FindingState } from './host/doctor.js'
