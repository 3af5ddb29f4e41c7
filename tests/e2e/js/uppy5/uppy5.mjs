// @uppy/aws-s3 5: see ../uppy.mjs for what it can be told.

import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { drive } from '../uppy.mjs'

await drive(Uppy, AwsS3)
