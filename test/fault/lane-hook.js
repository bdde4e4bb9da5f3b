// Preloaded into a daemon, and so into its lanes: the first that finds the trigger dies, in the way that the test says.
//
// LANE_DEATH=throw|exit, LANE_TRIGGER=FILE. With --require, because --import does not reach workers.
import { rmSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

const { LANE_DEATH: death, LANE_TRIGGER: trigger } = process.env

const taken = () => {
  try {
    rmSync(trigger)
    return true
  } catch {
    return false
  }
}

// What a lane is given: other workers may run too.
if (workerData?.options?.transport !== undefined) {
  setInterval(() => {
    if (!taken()) return
    if (death === 'exit') process.exit(0)
    throw new Error('on purpose')
  }, 20).unref()
}
