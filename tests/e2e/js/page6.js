import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { open } from './page.js'

open(Uppy, AwsS3, { endpoint: 'companionEndpoint' })
